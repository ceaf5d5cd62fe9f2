import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { exitCode } from "./process.ts";

const script = readFileSync(new URL("guard.sh", import.meta.url), "utf8");

/** A directory, and perhaps a command that works in it, that do not outlive this process. */
export interface Guarded {
  /** The exit code of the command once it has ended, by itself or not, and the directory is gone. */
  readonly ended: Promise<number>;
  /** Interrupts the command, waits for its end and removes the directory. */
  end(): Promise<void>;
}

/** How the command is run. */
export type GuardOptions = Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid"> & {
  /** File descriptor for what the command prints; nowhere by default. */
  output?: number;
};

/**
 * Removes `directory` when this process ends, however it ends: by itself, by a signal or by kill -9 (see guard.sh).
 * A `command` runs until then. It has a session of its own, so that Ctrl-C in a terminal reaches this process first.
 */
export function guard(directory: string, command: string[] = [], options: GuardOptions = {}): Guarded {
  const { output = "ignore", ...rest } = options;
  // The script itself, not its file: another account may not be let into the folder that this clone is in.
  const shell: ChildProcess = spawn("/bin/sh", ["-c", script, "guard.sh", directory, ...command], {
    ...rest,
    detached: true,
    stdio: ["pipe", output, output],
  });
  const ended = new Promise<number>((resolve, reject) => {
    shell.once("error", reject);
    shell.once("exit", (code, signal) => resolve(exitCode(code, signal)));
  });
  // Nothing of this keeps the process from ending.
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
