import type { Stack } from "../model/stack.ts";
import { findServer } from "../provider/docker/find-server.ts";
import { rootCertificateProblem } from "../provider/postgres/root-certificate.ts";
import { parseStack } from "./parse-stack.ts";

/** The namespace of every key, in any project. */
const namespace = "app-roles:";

/** A stack's configuration as Pulumi passes it on. */
export interface WrittenConfig {
  /** Every key with its namespace, to its value as text; secrets in clear text. */
  values: Record<string, string | undefined>;
  /** Services in cutover order, if `values` does not keep it. */
  serviceOrder: string[];
  /** `docker:host`. Default: DOCKER_HOST, else the local socket. */
  dockerHost: string | undefined;
}

/**
 * The stack that a configuration declares. Without `adminPassword` the password comes from PGPASSWORD; the address of
 * `server.admin.container` comes from Docker, except `without the server`. Throws ConfigError, which names every bad key, or
 * Docker's error.
 */
export async function stackOf(written: WrittenConfig, server?: "without the server"): Promise<Stack> {
  const ours = Object.entries(written.values).filter(([key]) => key.startsWith(namespace));
  const config = Object.fromEntries(ours.map(([key, value]) => [key.slice(namespace.length), value]));
  const stack = parseStack(config, written.serviceOrder, rootCertificateProblem);
  const address = server ? stack.server : await findServer(stack.server, written.dockerHost);
  return { ...stack, server: address, adminPassword: stack.adminPassword ?? process.env.PGPASSWORD };
}
