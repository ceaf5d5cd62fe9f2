import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

/**
 * Runs the `pulumi` on the PATH and resolves with its output. Throws its error.
 *
 * @param doing for the error, such as "read the stack's configuration"
 * @param input its standard input
 */
export async function pulumi(doing: string, args: string[], input = ""): Promise<string> {
  try {
    const running = promisify(execFile)("pulumi", args, { maxBuffer: 256 * 1024 * 1024 });
    // It need not read its input.
    running.child.stdin?.on("error", () => undefined).end(input);
    return (await running).stdout;
  } catch (error) {
    // Its output can hold secrets; show only standard error.
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw new Error(missing);
    if (/no Pulumi\.yaml project file found/.test(stderr ?? "")) throw new Error(outside);
    throw new Error(`pulumi cannot ${doing}:\n${(stderr ?? "").trim()}`);
  }
}

/** Runs `pulumi` on this terminal, with `env` added to the environment. Resolves with the exit code. */
export async function showPulumi(args: string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn("pulumi", args, { stdio: "inherit", env: { ...process.env, ...env } });
  // Ctrl-C reaches pulumi too, which shuts down in order; this process waits for it.
  const wait = () => undefined;
  // Signals to this process alone are passed on as one Ctrl-C: a second one would kill pulumi.
  let isPassedOn = false;
  const passOn = () => {
    if (!isPassedOn) child.kill("SIGINT");
    isPassedOn = true;
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

/** The name of the selected stack. */
export async function selectedStack(): Promise<string> {
  return (await pulumi("print the selected stack", ["stack", "--show-name", "--non-interactive"])).trim();
}

export const missing = "pulumi, which reads the stack's configuration, is not on the PATH";
const outside = "there is no Pulumi.yaml here: run this in the folder of the Pulumi project";
