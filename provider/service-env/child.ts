import { spawn } from "node:child_process";

export interface ChildOptions {
  cwd?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** Its standard input, which is then closed. */
  input?: string | undefined;
  /** Milliseconds until it is killed. */
  timeout: number;
  signal: AbortSignal;
  /** Called every second from the third, with the seconds passed. */
  onWait?: ((seconds: number) => void) | undefined;
}

export interface Ended {
  /** Exit code; undefined if a signal ended it. */
  code: number | undefined;
  stdout: string;
  stderr: string;
  isLate: boolean;
}

/** Runs a child process. Rejects if it cannot be started. Its output is not shown, because it can hold secrets. */
export function runChild(command: string, args: string[], options: ChildOptions): Promise<Ended> {
  const { cwd, env, input = "", timeout, signal, onWait } = options;
  return new Promise((resolve, reject) => {
    // Its own process group, so that its children end with it.
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
      // A process that ignores SIGTERM must not block the up forever.
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

/** This process's environment without secrets and without `keys`. */
export function childEnvironment(...keys: string[]): NodeJS.ProcessEnv {
  const hidden = new Set([...secretVariables, ...keys]);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !hidden.has(name)));
}

/** Variables in which pulumi and libpq expect secrets. */
export const secretVariables = ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "PGPASSWORD"];

/** The last lines of a child's output. */
export function lastLines(text: string): string {
  const lines = text
    .split(/\r?\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-8).join("\n  ");
}
