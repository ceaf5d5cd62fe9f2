import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../../config/read-program-stack.ts";
import type { ConnectAs } from "../../model/stack.ts";
import type { rollbackSource } from "../../provider/rollback-kit/contract.ts";
import * as pgaccess from "../pgaccess.ts";
import type { ArgsOf } from "../resource-class.ts";

/** A service for the runtime that runs it. */
export interface Deploy {
  service: string;
  /** The role it connects as after its cutover. */
  role: string;
  connectAs: ConnectAs;
  /** The environment variable that holds the URL. */
  urlKey: string;
  /** The URL in force, a secret; known only after a login with it succeeded. */
  url: pulumi.Output<string>;
  /** The URL to roll back to, a secret. Undefined: there is no rollback any more. */
  legacyUrl: pulumi.Output<string> | undefined;
  /** The folder of the scripts that roll services back without the stack. Undefined: no scripts. */
  rollbackKit?: string | undefined;
  /** Secret environment variables in addition to the URL. */
  env: Record<string, pulumi.Input<string>>;
  /** The parent component of the runtime's resources. */
  parent: pulumi.Resource;
  /** Our plugin. */
  provider: pulumi.ProviderResource;
}

/** A started service, for the gate. */
export interface Deployment {
  /** Changes with each redeploy. */
  id: pulumi.Output<string>;
  /** Labels of all its containers. Undefined: no container is known, so that only sessions are watched. */
  labels: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /** Time of the last redeploy in milliseconds since 1970, null for none by the stack: older sessions are not the service's. */
  deployedAt?: pulumi.Output<number | null> | undefined;
  resources: pulumi.Resource[];
}

/** How a service is rolled back without the stack: one of these. */
type RollbackSource = Pick<
  ArgsOf<{ inputs: typeof rollbackSource }>,
  "compose" | "command" | "container" | "env" | "swarm"
>;

/** Exists before the service is cut over, and is removed after its rollback; none if there is no legacy URL any more. */
export function rollbackScripts(deploy: Deploy, source: RollbackSource): pgaccess.RollbackScript[] {
  const { service, connectAs, urlKey, legacyUrl, rollbackKit: folder, parent, provider } = deploy;
  if (legacyUrl === undefined || connectAs === "legacy") return [];
  const args = { ...source, service, stack: pulumi.getStack(), urlKey, folder, legacyUrl, dockerHost: dockerHost() };
  return [new pgaccess.RollbackScript(service, args, { parent, provider })];
}
