import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../docker-host.ts";
import * as pgaccess from "../pgaccess.ts";
import type { Deploy } from "./deployment.ts";

/** There before the service is put on its role, and gone after its way back; none once nothing goes back any more. */
export function rollbackScripts(deploy: Deploy, source: pgaccess.RollbackSource): pgaccess.RollbackScript[] {
  const { service, connectAs, urlKey, legacyUrl, rollbackKit: folder, parent, provider } = deploy;
  if (legacyUrl === undefined || connectAs === "legacy") return [];
  const args = { ...source, service, stack: pulumi.getStack(), urlKey, folder, legacyUrl, dockerHost: dockerHost() };
  return [new pgaccess.RollbackScript(service, args, { parent, provider })];
}
