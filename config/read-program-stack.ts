import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Stack } from "../model/stack.ts";
import { stackOf } from "./read-stack.ts";
import { declaredServices, stackFile } from "./stack-file.ts";

/**
 * The stack that `Pulumi.<stack>.yaml` declares, for a Pulumi program. Without `adminPassword` the password comes from the
 * environment variable PGPASSWORD; the address of `server.admin.container` comes from Docker. Rejects with a RunError, which
 * Pulumi prints without a stack trace, naming every bad key.
 *
 * @example
 * const stack = new AppRolesStack(await readStack());
 */
export async function readStack(): Promise<Stack> {
  const values = pulumi.runtime.allConfig();
  try {
    return await stackOf({ values, serviceOrder: serviceOrder(), dockerHost: dockerHost() });
  } catch (error) {
    throw new pulumi.RunError((error as Error).message);
  }
}

/** `docker:host`, as the docker provider reads it. Default: DOCKER_HOST, else the local socket. */
export function dockerHost(): string | undefined {
  return new pulumi.Config("docker").get("host");
}

function serviceOrder(): string[] {
  const file = stackFile(pulumi.getStack());
  return existsSync(file) ? declaredServices(readFileSync(file, "utf8")) : [];
}
