import { stackOf } from "../../config/read-stack.ts";
import type { Stack } from "../../model/stack.ts";
import { pulumi } from "./pulumi.ts";

/** The stack, with `docker:host`; undefined for DOCKER_HOST or the local socket. */
export type ConfiguredStack = Stack & { dockerHost: string | undefined };

/**
 * The declared stack, read by the `pulumi` on the PATH, so that secrets are decrypted as in an up. Throws the error of pulumi
 * or Docker, or ConfigError.
 *
 * @param name default: the selected stack
 */
export async function readStack(name: string | undefined, server?: "without the server"): Promise<ConfiguredStack> {
  const args = [
    "config",
    "--json",
    "--show-secrets",
    "--non-interactive",
    ...(name === undefined ? [] : ["--stack", name]),
  ];
  const written = JSON.parse(await pulumi("read the stack's configuration", args)) as Record<
    string,
    { value?: string }
  >;
  const values = Object.fromEntries(Object.entries(written).map(([key, { value }]) => [key, value]));
  const dockerHost = values["docker:host"];
  return { ...(await stackOf({ values, serviceOrder: [], dockerHost }, server)), dockerHost };
}
