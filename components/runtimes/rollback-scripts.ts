import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../../config/read-program-stack.ts";
import type { rollbackSource } from "../../provider/rollback-kit/contract.ts";
import * as pgaccess from "../pgaccess.ts";
import type { ArgsOf } from "../resource-class.ts";
import type { Deploy } from "./deployment.ts";

/** What a service is rolled back by, without the stack: one of these. */
export type RollbackSource = Pick<
  ArgsOf<{ inputs: typeof rollbackSource }>,
  "compose" | "command" | "container" | "env" | "swarm"
>;

/** There before the service is put on its role, and gone after its way back; none once nothing goes back any more. */
export function rollbackScripts(deploy: Deploy, source: RollbackSource): pgaccess.RollbackScript[] {
  const { service, connectAs, urlKey, legacyUrl, rollbackKit: folder, parent, provider } = deploy;
  if (legacyUrl === undefined || connectAs === "legacy") return [];
  const args = { ...source, service, stack: pulumi.getStack(), urlKey, folder, legacyUrl, dockerHost: dockerHost() };
  return [new pgaccess.RollbackScript(service, args, { parent, provider })];
}
