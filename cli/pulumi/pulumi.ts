import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

/**
 * Runs the `pulumi` on the PATH and gives what it prints; `doing` as "read the stack's configuration", `input` what it reads.
 * Throws what it says.
 */
export async function pulumi(doing: string, args: string[], input = ""): Promise<string> {
  try {
    const running = promisify(execFile)("pulumi", args, { maxBuffer: 256 * 1024 * 1024 });
    // One that does not read what it is given is no error of ours.
    running.child.stdin?.on("error", () => undefined).end(input);
    return (await running).stdout;
  } catch (error) {
    // Not its output, which may hold secrets.
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw new Error(missing);
    if (/no Pulumi\.yaml project file found/.test(stderr ?? "")) throw new Error(outside);
    throw new Error(`pulumi cannot ${doing}:\n${(stderr ?? "").trim()}`);
  }
}

/** Runs it with what it prints going to the terminal as it comes, and `env` beside the environment; the exit code. */
export async function showPulumi(args: string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn("pulumi", args, { stdio: "inherit", env: { ...process.env, ...env } });
  // The terminal's Ctrl-C reaches pulumi too, which ends in order; this process waits for that.
  const wait = () => undefined;
  // What only this process is told is passed on as a Ctrl-C, once: a second one would end pulumi at once.
  let isTold = false;
  const passOn = () => {
    if (!isTold) child.kill("SIGINT");
    isTold = true;
  };
  process.on("SIGINT", wait);
  process.on("SIGTERM", passOn);
  process.on("SIGHUP", passOn);
  try {
    const [code] = (await once(child, "exit").catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ENOENT" ? new Error(missing) : error;
    })) as [number | null];
    return code ?? 1;
  } finally {
    process.off("SIGINT", wait);
    process.off("SIGTERM", passOn);
    process.off("SIGHUP", passOn);
  }
}

/** The name of the stack that is selected. */
export async function selectedStack(): Promise<string> {
  return (await pulumi("name the selected stack", ["stack", "--show-name", "--non-interactive"])).trim();
}

const missing = "there is no pulumi on the PATH, which reads the stack's configuration";
const outside = "there is no Pulumi.yaml here: run this in the folder of the Pulumi project";
