import { spawn } from "node:child_process";

export interface ChildOptions {
  cwd?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** For its standard input, which is closed behind it. */
  input?: string | undefined;
  /** Milliseconds until it is ended. */
  timeout: number;
  signal: AbortSignal;
  /** Told every second from the third on, with the seconds passed. */
  onWait?: ((seconds: number) => void) | undefined;
}

export interface Ended {
  /** Exit code; undefined when a signal ended it. */
  code: number | undefined;
  stdout: string;
  stderr: string;
  isLate: boolean;
}

/** A child process to its end. Rejects when it cannot be started. Its output is not shown: it may hold secrets. */
export function runChild(command: string, args: string[], options: ChildOptions): Promise<Ended> {
  const { cwd, env, input = "", timeout, signal, onWait } = options;
  return new Promise((resolve, reject) => {
    // A process group of its own, so that what it started ends with it.
    const child = spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    const since = Date.now();
    let isLate = false;
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on("data", (chunk: Buffer) => chunks.stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.stderr.push(chunk));
    const send = (name: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    };
    const end = () => send("SIGTERM");
    const late = setTimeout(() => {
      isLate = true;
      end();
      // One that ignores the signal must not hold up the run for ever.
      setTimeout(() => send("SIGKILL"), 5000).unref();
    }, timeout);
    const waiting = setInterval(() => {
      const seconds = Math.round((Date.now() - since) / 1000);
      if (seconds >= 2) onWait?.(seconds);
    }, 1000);
    signal.addEventListener("abort", end, { once: true });
    const done = () => {
      clearTimeout(late);
      clearInterval(waiting);
      signal.removeEventListener("abort", end);
    };
    child.once("error", (error) => {
      done();
      reject(error);
    });
    child.once("close", (code) => {
      done();
      const text = (name: "stdout" | "stderr") => Buffer.concat(chunks[name]).toString("utf8");
      resolve({ code: code ?? undefined, stdout: text("stdout"), stderr: text("stderr"), isLate });
    });
    child.stdin.on("error", () => undefined); // it need not read
    child.stdin.end(input);
    if (signal.aborted) end();
  });
}

/** This process's environment without what is secret in it, and without `keys`. */
export function childEnvironment(...keys: string[]): NodeJS.ProcessEnv {
  const hidden = new Set([...secretVariables, ...keys]);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !hidden.has(name)));
}

/** What pulumi and libpq take secrets from. */
export const secretVariables = ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "PGPASSWORD"];

/** The last lines of what a child said on its standard error, on one line each. */
export function lastLines(text: string): string {
  const lines = text
    .split(/\r?\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-8).join("\n  ");
}
