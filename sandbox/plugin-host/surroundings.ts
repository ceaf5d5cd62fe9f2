/**
 * The environment, working directory and children of each plugin that runs in the plugin host, as if it were a process of its own.
 * Code asks Node for them (`process.env`, `process.cwd()`, `spawn`, a relative path of `fs`), so Node's answer is replaced.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import childProcess from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isAbsolute, join } from "node:path";

export interface Surroundings {
  cwd: string;
  env: NodeJS.ProcessEnv;
}

const current = new AsyncLocalStorage<Surroundings>();

/** Runs `work`, and everything that it starts, in the given surroundings. Needs `separateSurroundings`. */
export function within<Result>(surroundings: Surroundings, work: () => Result): Result {
  return current.run(surroundings, work);
}

/** The functions of `node:fs` that the plugin calls with a path, and how many paths they take. */
const functions = {
  existsSync: 1,
  readFileSync: 1,
  statSync: 1,
  "promises.lstat": 1,
  "promises.mkdir": 1,
  "promises.mkdtemp": 1,
  "promises.open": 1,
  "promises.readFile": 1,
  "promises.realpath": 1,
  "promises.rename": 2,
  "promises.rm": 1,
  "promises.stat": 1,
  "promises.writeFile": 1,
};

/** Replaces Node's functions in this process, once. Outside of `within` they answer as before. */
export function separateSurroundings(): void {
  const { env, cwd } = process;
  Object.defineProperty(process, "env", { get: () => current.getStore()?.env ?? env });
  process.cwd = () => current.getStore()?.cwd ?? cwd.call(process);

  const { spawn } = childProcess;
  childProcess.spawn = ((command: string, args: readonly string[], options: childProcess.SpawnOptions = {}) =>
    spawn(command, args, { ...options, cwd: options.cwd ?? process.cwd() })) as typeof spawn;

  for (const [name, count] of Object.entries(functions)) {
    const [owner, key] = name.startsWith("promises.") ? [fs.promises, name.slice("promises.".length)] : [fs, name];
    const of = owner as unknown as Record<string, (...args: unknown[]) => unknown>;
    const original = of[key] as (...args: unknown[]) => unknown;
    of[key] = (...args) => original(...args.map((arg, index) => (index < count ? absolute(arg) : arg)));
  }
  syncBuiltinESMExports();
}

function absolute(path: unknown): unknown {
  const surroundings = current.getStore();
  return surroundings && typeof path === "string" && !isAbsolute(path) ? join(surroundings.cwd, path) : path;
}
