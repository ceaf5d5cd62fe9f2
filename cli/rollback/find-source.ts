import { makeDatabaseUrl } from "../../model/database-url.ts";
import type { Service } from "../../model/stack.ts";
import { cutoverGateContract } from "../../provider/cutover/gate/contract.ts";
import { legacyUrlContract } from "../../provider/legacy-url/contract.ts";
import { rollbackScriptContract } from "../../provider/rollback-kit/contract.ts";
import { type RollbackSource, readRollbackSource } from "../../provider/rollback-kit/rollback-source.ts";
import { serviceEnvContract } from "../../provider/service-env/contract.ts";
import { serviceUrlContract } from "../../provider/service-url/contract.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import {
  type Exported,
  type ExportedResource,
  exportedText,
  exportState,
  revealed,
  serviceResources,
} from "../pulumi/state.ts";

/** How a service can be rolled back to its legacy URL, according to the state. */
export type Rollback =
  /** By the script that is generated from this record. */
  | { by: "script"; record: RollbackSource }
  /** By the user, who restarts it (`runtime: external`): the stack only hands out its legacy URL. */
  | { by: "hand" }
  /** By an up: the state of a previous version has no record for containers and swarm services. */
  | { by: "up" }
  /** It is already on its legacy URL. */
  | { by: "nothing" };

const types = {
  record: rollbackScriptContract.token,
  env: serviceEnvContract.token,
  url: serviceUrlContract.token,
  legacyUrl: legacyUrlContract.token,
  gate: cutoverGateContract.token,
};

/** Throws if the service does not exist or cannot be rolled back. @param state with secrets in plaintext */
export function findRollback(state: Exported, service: string): Rollback {
  const all = serviceResources(state)
    .get(service)
    ?.filter((each) => !each.delete);
  if (!all) throw new Error(`the stack has no service ${service}; nothing was changed`);
  const record = recordOf(all);
  if (record) return { by: "script", record };
  if (!all.some(({ inputs }) => inputs?.connectAs === "role")) return { by: "nothing" };
  if (!all.some(({ type }) => type === types.gate)) return { by: "hand" };
  const legacy = all.find(({ type }) => type === types.legacyUrl);
  if (revealed(legacy?.inputs?.migrationComplete) === true) {
    throw new Error(`${service} no longer has a legacy URL: app-roles:migrationComplete is set. Nothing was changed`);
  }
  return { by: "up" };
}

/** The recorded rollback source of a service. */
export function recordOf(resources: ExportedResource[]): RollbackSource | undefined {
  const recorded = resources.find(({ type }) => type === types.record);
  if (recorded) return readRollbackSource(revealed(recorded.inputs) as Record<string, unknown>);
  // A previous version recorded it only with rollbackKit; the resource that starts the service has the same inputs.
  const env = resources.find(({ type, inputs }) => type === types.env && inputs?.connectAs === "role");
  if (!env || exportedText(env.inputs?.legacyUrl) === undefined) return undefined;
  const inputs = revealed(env.inputs) as Record<string, unknown>;
  return readRollbackSource({ ...inputs, stack: env.urn.split(":")[2] });
}

/** The folder of a service's rollback script; undefined without a rollback kit. @param state secrets can be encrypted */
export function kitFolderOf(state: Exported, service: string): string | undefined {
  const resources = serviceResources(state).get(service) ?? [];
  return exportedText(resources.find(({ type }) => type === types.record)?.inputs?.folder);
}

/**
 * The legacy URL of a service that was rolled back before the state could be updated: the recorded one, else the configured
 * one, else built as an up builds it. Throws if it has none.
 */
export async function legacyUrlOf({ name, database }: Service, stack: string | undefined, configured: ConfiguredStack) {
  const { server, adminPassword, serviceSecrets } = configured;
  const record = recordOf(serviceResources(await exportState(stack, "plaintext")).get(name) ?? []);
  if (typeof record?.legacyUrl === "string") return record.legacyUrl;
  const given = serviceSecrets[name]?.legacyUrl;
  if (given !== undefined) return given;
  if (adminPassword === undefined) {
    throw new Error(
      `the legacy URL of ${name} contains the admin's password, which is not known: set it with pulumi config set --secret adminPassword, or PGPASSWORD`,
    );
  }
  const { host, port, admin } = server;
  return makeDatabaseUrl({ host, port, user: admin.user, password: adminPassword, database });
}
