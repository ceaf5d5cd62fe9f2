import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { exitCode } from "./process.ts";

const script = readFileSync(new URL("guard.sh", import.meta.url), "utf8");

/** A directory, and optionally a command that uses it, which end with this process. */
export interface Guarded {
  /** Resolves with the command's exit code once the command has ended and the directory is removed. */
  readonly ended: Promise<number>;
  /** Interrupts the command, waits until it ends, and removes the directory. */
  end(): Promise<void>;
}

export type GuardOptions = Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid"> & {
  /** File descriptor for the command's output. The default is to discard it. */
  output?: number;
};

/**
 * Removes `directory` when this process ends for any reason, including kill -9 (see guard.sh). A `command` runs until then,
 * in its own session, so that Ctrl-C in a terminal reaches this process first.
 */
export function guard(directory: string, command: string[] = [], options: GuardOptions = {}): Guarded {
  const { output = "ignore", ...rest } = options;
  // Passes the script's text, since another account may have no access to the folder of this clone.
  const shell: ChildProcess = spawn("/bin/sh", ["-c", script, "guard.sh", directory, ...command], {
    ...rest,
    detached: true,
    stdio: ["pipe", output, output],
  });
  const ended = new Promise<number>((resolve, reject) => {
    shell.once("error", reject);
    shell.once("exit", (code, signal) => resolve(exitCode(code, signal)));
  });
  // The guard must not keep this process running.
  shell.unref();
  (shell.stdin as Socket).unref();
  return {
    ended,
    async end() {
      shell.ref();
      shell.stdin?.end();
      await ended;
    },
  };
}
