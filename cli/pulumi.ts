import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

/** Runs the `pulumi` on the PATH and gives what it prints; `doing` as "read the stack's configuration". Throws what it says. */
export async function pulumi(doing: string, args: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("pulumi", args, { maxBuffer: 256 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    // Not its output, which may hold secrets.
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw new Error(missing);
    throw new Error(`pulumi cannot ${doing}:\n${(stderr ?? "").trim()}`);
  }
}

/** Runs it with what it prints going to the terminal as it comes; the exit code. */
export async function showPulumi(args: string[]): Promise<number> {
  const child = spawn("pulumi", args, { stdio: "inherit" });
  // Ctrl-C reaches pulumi too, which ends in order; this process waits for that.
  const wait = () => undefined;
  process.on("SIGINT", wait);
  try {
    const [code] = (await once(child, "exit").catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ENOENT" ? new Error(missing) : error;
    })) as [number | null];
    return code ?? 1;
  } finally {
    process.off("SIGINT", wait);
  }
}

/** The name of the stack that is selected. */
export async function selectedStack(): Promise<string> {
  return (await pulumi("name the selected stack", ["stack", "--show-name", "--non-interactive"])).trim();
}

const missing = "there is no pulumi on the PATH, which reads the stack's configuration";
