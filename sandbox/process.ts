import { type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";

/** How a finished command ended. */
export interface Finished {
  /** The exit code, or as a shell has it 128 plus the number of the signal that ended the command. */
  code: number;
  stdout: string;
  stderr: string;
}

export type RunOptions = Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid"> & {
  /** What the command reads on its stdin; nothing by default. */
  input?: string;
};

/**
 * Runs a command to its end and collects what it prints.
 *
 * @throws when the command cannot be started, such as ENOENT; never for its exit code
 */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const { input, ...rest } = options;
    const child = spawn(command, args, { ...rest, stdio: "pipe" });
    // A command that does not read what it is given is no error of ours.
    child.stdin.on("error", () => undefined).end(input);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: exitCode(code, signal), stdout, stderr }));
  });
}

/** The one number for an exit code or a signal, as a shell gives it. */
export function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}
