import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../components/docker-host.ts";
import type { Server, Stack } from "../model/stack.ts";
import { findServer } from "../provider/docker/find-server.ts";
import { rootCertificateProblem } from "../provider/postgres/root-certificate.ts";
import { ConfigError } from "./config-error.ts";
import { declaredServices } from "./declared-services.ts";
import { parseStack } from "./parse-stack.ts";

/** The namespace of every key, whatever the project that uses it is called. */
const namespace = "app-roles:";

/**
 * The stack as `Pulumi.<stack>.yaml` declares it. The admin's password comes from the environment variable PGPASSWORD
 * where the configuration has none, and the address of `server.admin.container` from Docker. Rejects with a RunError, which
 * Pulumi prints without a stack trace, naming every bad key.
 */
export async function readStack(): Promise<Stack> {
  const ours = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(namespace));
  const config = Object.fromEntries(ours.map(([key, value]) => [key.slice(namespace.length), value]));
  try {
    const stack = parseStack(config, serviceOrder(), rootCertificateProblem);
    const server = await foundServer(stack.server);
    return { ...stack, server, adminPassword: stack.adminPassword ?? process.env.PGPASSWORD };
  } catch (error) {
    if (error instanceof ConfigError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

async function foundServer(server: Server): Promise<Server> {
  try {
    return await findServer(server, dockerHost());
  } catch (error) {
    throw new pulumi.RunError((error as Error).message);
  }
}

/** The cutover order stands in the stack's file alone: Pulumi sorts the keys of an object. */
function serviceOrder(): string[] {
  const file = `Pulumi.${pulumi.getStack()}.yaml`;
  return existsSync(file) ? declaredServices(readFileSync(file, "utf8")) : [];
}
