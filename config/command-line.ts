import { pulumi } from "../cli/pulumi/pulumi.ts";
import type { Stack } from "../model/stack.ts";
import { findServer } from "../provider/docker/find-server.ts";
import { rootCertificateProblem } from "../provider/postgres/root-certificate.ts";
import { parseStack } from "./parse-stack.ts";

/** The namespace of every key, whatever the project that uses it is called. */
const namespace = "app-roles:";

/** The stack, with what reaches Docker: `docker:host`; undefined: DOCKER_HOST, else this machine's socket. */
export type ConfiguredStack = Stack & { dockerHost: string | undefined };

/**
 * The stack as its configuration declares it, read by the `pulumi` on the PATH, so that secrets are decrypted as in an up;
 * `name` undefined is the selected stack. The admin's password comes from PGPASSWORD where the configuration has none, and
 * the address of `server.admin.container` from Docker, unless it is read `without the server`.
 * Throws what pulumi says, or ConfigError.
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
  const ours = Object.entries(written).filter(([key]) => key.startsWith(namespace));
  const config = Object.fromEntries(ours.map(([key, { value }]) => [key.slice(namespace.length), value]));
  const stack = parseStack(config, [], rootCertificateProblem);
  const dockerHost = written["docker:host"]?.value;
  const address = server ? stack.server : await findServer(stack.server, dockerHost);
  return { ...stack, dockerHost, server: address, adminPassword: stack.adminPassword ?? process.env.PGPASSWORD };
}
