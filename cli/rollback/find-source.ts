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

/** How a service goes back to its legacy URL, as far as the state tells. */
export type Rollback =
  /** It is put back by the script that is made of this. */
  | { by: "script"; record: RollbackSource }
  /** Somebody else restarts it (`runtime: external`): the stack only hands out its legacy URL. */
  | { by: "hand" }
  /** A state of a former version, which kept no way back of a container or a swarm's service. */
  | { by: "up" }
  /** It is on its legacy URL. */
  | { by: "nothing" };

const types = {
  record: rollbackScriptContract.token,
  env: serviceEnvContract.token,
  url: serviceUrlContract.token,
  legacyUrl: legacyUrlContract.token,
  gate: cutoverGateContract.token,
};

/** @param state with its secrets in clear. Throws when there is no such service, or no way back. */
export function findRollback(state: Exported, service: string): Rollback {
  const all = serviceResources(state)
    .get(service)
    ?.filter((each) => !each.delete);
  if (!all) throw new Error(`the stack runs no service ${service}: nothing was changed`);
  const record = recordOf(all);
  if (record) return { by: "script", record };
  if (!all.some(({ inputs }) => inputs?.connectAs === "role")) return { by: "nothing" };
  if (!all.some(({ type }) => type === types.gate)) return { by: "hand" };
  const legacy = all.find(({ type }) => type === types.legacyUrl);
  if (revealed(legacy?.inputs?.migrationComplete) === true) {
    throw new Error(
      `${service} has no legacy URL any more: the stack was told app-roles:migrationComplete. Nothing was changed`,
    );
  }
  return { by: "up" };
}

/** What is recorded of a service's way back; undefined: nothing. */
export function recordOf(resources: ExportedResource[]): RollbackSource | undefined {
  const recorded = resources.find(({ type }) => type === types.record);
  if (recorded) return readRollbackSource(revealed(recorded.inputs) as Record<string, unknown>);
  // A former version recorded it only with rollbackKit; what starts the service knows as much.
  const env = resources.find(({ type, inputs }) => type === types.env && inputs?.connectAs === "role");
  if (!env || exportedText(env.inputs?.legacyUrl) === undefined) return undefined;
  const inputs = revealed(env.inputs) as Record<string, unknown>;
  return readRollbackSource({ ...inputs, stack: env.urn.split(":")[2] });
}

/** Where the rollback kit keeps a service's script; undefined: nowhere. @param state may have its secrets encrypted */
export function kitFolderOf(state: Exported, service: string): string | undefined {
  const resources = serviceResources(state).get(service) ?? [];
  return exportedText(resources.find(({ type }) => type === types.record)?.inputs?.folder);
}

/**
 * The legacy URL of a service that went back before the state could be brought along: recorded there, else the configuration's,
 * else made as an up would make it. Throws when there is none.
 */
export async function legacyUrlOf({ name, database }: Service, stack: string | undefined, configured: ConfiguredStack) {
  const { server, adminPassword, serviceSecrets } = configured;
  const record = recordOf(serviceResources(await exportState(stack, "in clear")).get(name) ?? []);
  if (typeof record?.legacyUrl === "string") return record.legacyUrl;
  const given = serviceSecrets[name]?.legacyUrl;
  if (given !== undefined) return given;
  if (adminPassword === undefined) {
    throw new Error(
      `the legacy URL of ${name} is made of the admin's password, which is not known: set it with pulumi config set --secret adminPassword, or PGPASSWORD`,
    );
  }
  const { host, port, admin } = server;
  return makeDatabaseUrl({ host, port, user: admin.user, password: adminPassword, database });
}
