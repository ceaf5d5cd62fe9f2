import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Properties that `compose config` does not print. */
export interface ComposeFiles {
  /** Of the first file; docker-compose 1 requires the same in every file. */
  version: string | undefined;
  /** Absolute paths of a service's env files, including those of services it extends. */
  envFiles: Record<string, string[]>;
}

interface Written {
  version?: unknown;
  services?: Record<string, WrittenService | null>;
}
interface WrittenService {
  env_file?: unknown;
  extends?: string | { file?: string; service?: string };
}

/** Paths are relative to the folder of the first file, or of an extended file. */
export async function readComposeFiles(files: string[]): Promise<ComposeFiles> {
  const written = await Promise.all(files.map(read));
  const folder = dirname(resolve(files[0] ?? "."));
  const envFiles: Record<string, string[]> = {};
  for (const one of written) {
    for (const name of Object.keys(one.services ?? {})) {
      const more = await envFilesOf(one, name, folder, 0);
      envFiles[name] = [...(envFiles[name] ?? []), ...more];
    }
  }
  const version = written[0]?.version;
  return { version: version === undefined ? undefined : String(version), envFiles };
}

/** Why a compose file cannot be read, without its lines, which can hold secrets; undefined if it can. */
export async function composeFileProblem(file: string): Promise<string | undefined> {
  try {
    const { parseDocument } = await import("yaml");
    const [error] = parseDocument(await readFile(file, "utf8")).errors;
    if (!error) return undefined;
    const { line, col } = error.linePos?.[0] ?? {};
    return `${file} is not valid YAML: ${error.code}${line === undefined ? "" : ` at line ${line}, column ${col}`}`;
  } catch (error) {
    return `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
}

async function read(file: string): Promise<Written> {
  const { parse } = await import("yaml");
  return (parse(await readFile(file, "utf8"), { merge: true }) ?? {}) as Written;
}

/** Limit of levels; compose refuses cycles itself. */
const deepest = 10;

async function envFilesOf(written: Written, name: string, folder: string, depth: number): Promise<string[]> {
  const service = written.services?.[name];
  if (!service || depth > deepest) return [];
  const own = listOf(service.env_file).map((path) => resolve(folder, path));
  const base = typeof service.extends === "string" ? { service: service.extends } : service.extends;
  if (!base?.service) return own;
  if (base.file === undefined) return [...(await envFilesOf(written, base.service, folder, depth + 1)), ...own];
  const file = resolve(folder, base.file);
  return [...(await envFilesOf(await read(file), base.service, dirname(file), depth + 1)), ...own];
}

/** A path, a list of paths, or of `{path, required, format}`. */
function listOf(written: unknown): string[] {
  const list = Array.isArray(written) ? written : [written];
  return list
    .map((each) => (typeof each === "object" && each !== null ? (each as { path?: unknown }).path : each))
    .filter((path) => typeof path === "string");
}
