import { type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";

/** The result of a command. */
export interface Finished {
  /** The exit code, or 128 plus the number of the signal that ended the command, as in a shell. */
  code: number;
  stdout: string;
  stderr: string;
}

export type RunOptions = Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid"> & {
  /** The command's stdin. The default is empty. */
  input?: string;
};

/**
 * Runs a command to its end and collects its output.
 *
 * @throws if the command cannot be started, for example with ENOENT; never for its exit code
 */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const { input, ...rest } = options;
    const child = spawn(command, args, { ...rest, stdio: "pipe" });
    // EPIPE: the command does not have to read its stdin.
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

/** The exit code, or 128 plus the signal's number, as in a shell. */
export function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}
