import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Stack } from "../model/stack.ts";
import { declaredServices } from "./declared-services.ts";
import { dockerHost } from "./docker-host.ts";
import { stackOf } from "./read-stack.ts";

/**
 * The stack as `Pulumi.<stack>.yaml` declares it, for a Pulumi program. The admin's password comes from the environment
 * variable PGPASSWORD where the configuration has none, and the address of `server.admin.container` from Docker. Rejects with
 * a RunError, which Pulumi prints without a stack trace, naming every bad key.
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

/** The cutover order stands in the stack's file alone: Pulumi sorts the keys of an object. */
function serviceOrder(): string[] {
  const file = `Pulumi.${pulumi.getStack()}.yaml`;
  return existsSync(file) ? declaredServices(readFileSync(file, "utf8")) : [];
}
