import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * The files that --log names, oldest first: files, directories, and patterns with `*` and `?` in the last part of the path; `-` is
 * standard input. A server that writes several formats writes each message to every one, so of the files that differ in their
 * format only one is read: jsonlog, else csvlog, else stderr. Throws if a name matches no file.
 */
export async function logFiles(names: string[]): Promise<string[]> {
  const found: { file: string; modified: number }[] = [];
  for (const name of names) {
    const files = name === "-" ? ["-"] : await filesOf(name);
    if (files.length === 0) throw new Error(`--log ${name}: there is no log file`);
    for (const file of files) found.push({ file, modified: file === "-" ? Infinity : (await stat(file)).mtimeMs });
  }
  const oldestFirst = found.toSorted((a, b) => a.modified - b.modified || (a.file < b.file ? -1 : 1));
  return withoutCopies([...new Set(oldestFirst.map(({ file }) => file))]);
}

async function filesOf(name: string): Promise<string[]> {
  const status = await stat(name).catch(() => undefined);
  if (status?.isDirectory()) return filesIn(name, /^[^.]/);
  if (status) return [name];
  const pattern = basename(name);
  if (!/[*?]/.test(pattern)) throw new Error(`--log ${name}: no such file`);
  const quoted = pattern
    .replace(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return filesIn(dirname(name), new RegExp(`^${quoted}$`, "s"));
}

async function filesIn(directory: string, pattern: RegExp): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: Error) => {
    throw new Error(`--log ${directory}: ${error.message}`);
  });
  return entries.filter((entry) => entry.isFile() && pattern.test(entry.name)).map(({ name }) => join(directory, name));
}

const format = /\.(log|csv|json)(?=(\.\d+)?(\.gz)?$)/;
const preference = ["json", "csv", "log"];

function withoutCopies(files: string[]): string[] {
  const best = new Map<string, number>();
  const rankOf = (file: string) => preference.indexOf(format.exec(file)?.[1] ?? "log");
  const stemOf = (file: string) => file.replace(format, "");
  for (const file of files) best.set(stemOf(file), Math.min(best.get(stemOf(file)) ?? Infinity, rankOf(file)));
  return files.filter((file) => rankOf(file) === best.get(stemOf(file)));
}
