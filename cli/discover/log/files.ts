import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type ReadFile, withoutCopies } from "./copies.ts";
import { firstTime, type TimeOptions } from "./time-span.ts";

/**
 * The files that --log names, oldest first: files, directories, and patterns with `*` and `?` in the last part of the path; `-` is
 * standard input. What the server wrote in several formats is read in one of them only. Throws if a name matches no file.
 */
export async function logFiles(names: string[], options: TimeOptions = {}): Promise<ReadFile[]> {
  const found = new Map<string, { file: string; begin: number; first: number | undefined; modified: number }>();
  for (const name of names) {
    const files = name === "-" ? ["-"] : await filesOf(name);
    if (files.length === 0) throw new Error(`--log ${name}: there is no log file`);
    for (const file of files) {
      const status = file === "-" ? undefined : await stat(file);
      const modified = status?.mtimeMs ?? Infinity;
      // A pipe can be read only once.
      const first = status?.isFile() ? await firstTime(file, options) : undefined;
      found.set(file, { file, begin: first ?? modified, first, modified });
    }
  }
  // A copy of a file can have another time of modification.
  const oldestFirst = [...found.values()].toSorted(
    (a, b) => order(a.begin, b.begin) || order(a.modified, b.modified) || byName(a.file, b.file),
  );
  return withoutCopies(oldestFirst, options);
}

/** Numbers of rotated files are highest for the oldest (`log.2`, `log.1`, `log`), and dates for the latest. */
function byName(a: string, b: string): number {
  const [[stemA, numberA], [stemB, numberB]] = [rotationOf(a), rotationOf(b)];
  if (stemA === stemB) return numberB - numberA;
  if (stemA.startsWith(stemB)) return -1;
  if (stemB.startsWith(stemA)) return 1;
  return stemA < stemB ? -1 : 1;
}

function rotationOf(file: string): [string, number] {
  const [, stem = file, number = "0"] = /^(.*?)(?:\.(\d+))?(?:\.gz)?$/s.exec(file) ?? [];
  return [stem, Number(number)];
}

function order(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
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
