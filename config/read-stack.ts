import type { Stack } from "../model/stack.ts";
import { findServer } from "../provider/docker/find-server.ts";
import { rootCertificateProblem } from "../provider/postgres/root-certificate.ts";
import { parseStack } from "./parse-stack.ts";

/** The namespace of every key, whatever the project that uses it is called. */
const namespace = "app-roles:";

/** A stack's configuration as Pulumi hands it over. */
export interface WrittenConfig {
  /** Every key with its namespace, to its value as text; secrets in clear. */
  values: Record<string, string | undefined>;
  /** Services in cutover order, where the source of `values` does not keep it. */
  serviceOrder: string[];
  /** `docker:host`; undefined: DOCKER_HOST, else this machine's socket. */
  dockerHost: string | undefined;
}

/**
 * The stack that a configuration declares. The admin's password comes from PGPASSWORD where the configuration has none, and
 * the address of `server.admin.container` from Docker, unless it is read `without the server`. Throws ConfigError, which
 * names every bad key, or what Docker says.
 */
export async function stackOf(written: WrittenConfig, server?: "without the server"): Promise<Stack> {
  const ours = Object.entries(written.values).filter(([key]) => key.startsWith(namespace));
  const config = Object.fromEntries(ours.map(([key, value]) => [key.slice(namespace.length), value]));
  const stack = parseStack(config, written.serviceOrder, rootCertificateProblem);
  const address = server ? stack.server : await findServer(stack.server, written.dockerHost);
  return { ...stack, server: address, adminPassword: stack.adminPassword ?? process.env.PGPASSWORD };
}
