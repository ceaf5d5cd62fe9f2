import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { parseStack } from "../model/parse-stack.ts";
import type { Stack } from "../model/stack.ts";
import { findServer } from "../provider/docker/find-server.ts";

/** The namespace of every key, whatever the project that uses it is called. */
const namespace = "app-roles:";

/**
 * The stack as its configuration declares it, read by the `pulumi` on the PATH, so that secrets are decrypted as in an up;
 * `name` undefined is the selected stack. The admin's password comes from PGPASSWORD where the configuration has none, and
 * the address of `server.admin.container` from Docker.
 * Throws what pulumi says, or ConfigError.
 */
export async function readStack(name: string | undefined): Promise<Stack> {
  const args = [
    "config",
    "--json",
    "--show-secrets",
    "--non-interactive",
    ...(name === undefined ? [] : ["--stack", name]),
  ];
  const written = JSON.parse(await pulumi(args)) as Record<string, { value?: string }>;
  const ours = Object.entries(written).filter(([key]) => key.startsWith(namespace));
  const stack = parseStack(Object.fromEntries(ours.map(([key, { value }]) => [key.slice(namespace.length), value])));
  const server = await findServer(stack.server, written["docker:host"]?.value);
  return { ...stack, server, adminPassword: stack.adminPassword ?? process.env.PGPASSWORD };
}

async function pulumi(args: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("pulumi", args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    // Not its output, which may hold secrets.
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw new Error("there is no pulumi on the PATH, which reads the stack's configuration");
    throw new Error(`pulumi cannot read the stack's configuration:\n${(stderr ?? "").trim()}`);
  }
}
