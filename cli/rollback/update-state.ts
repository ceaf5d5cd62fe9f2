import { stackFile } from "../../config/stack-file.ts";
import { switches } from "../../model/switches.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { isRolledBack } from "../../provider/rollback-kit/rollback-source.ts";
import { showPulumi } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { type Exported, exportState, serviceResources, switchesInState } from "../pulumi/state.ts";
import { recordOf } from "./find-source.ts";

/** The result of updating the state after a rollback. */
export type StateUpdate =
  | { state: "current" }
  /** No up was started: the next one updates the state. */
  | { state: "left"; why: string }
  | { state: "failed"; why: string };

/**
 * Updates the state after a service was rolled back and the stack's file changed, by an up, unless something prevents one.
 *
 * @param wasRestarted whether the restart of the service with its legacy URL was verified
 */
export async function updateState(service: string, stack: string, wasRestarted: boolean): Promise<StateUpdate> {
  const why = await whyNot(service, stack).catch((error: Error) => error.message);
  if (why !== undefined) return { state: "left", why };
  const env = wasRestarted ? { [switches.rolledBack]: service } : {};
  const code = await showPulumi(["up", "--yes", "--skip-preview", "--stack", stack], env);
  return code === 0 ? { state: "current" } : { state: "failed", why: `its pulumi up ended with exit code ${code}` };
}

/** What prevents an up of the whole stack now. */
async function whyNot(service: string, stack: string): Promise<string | undefined> {
  const configured = await readStack(stack);
  const state = await exportState(stack, "plaintext");
  const switched = pendingSwitches(configured, state, service);
  if (switched.length > 0)
    return `${stackFile(stack)} also changes connectAs of other services: ${switched.join(", ")}`;
  const back = await rolledBackOthers(state, service);
  if (back.length > 0) return othersRolledBack(back, stack);
  return unreachable(configured);
}

/** Changes of connectAs that no up has applied yet, except that of `service`: `worker (legacy -> role)`. */
function pendingSwitches({ services }: ConfiguredStack, state: Exported, service: string): string[] {
  const inForce = switchesInState(state);
  return services
    .filter(({ name, connectAs }) => name !== service && (inForce.get(name) ?? "legacy") !== connectAs)
    .map(({ name, connectAs }) => `${name} (${inForce.get(name) ?? "legacy"} -> ${connectAs})`);
}

/** The services, except `service`, that were rolled back without the stack: an up would cut them over again. */
export async function rolledBackOthers(state: Exported, service: string | undefined): Promise<string[]> {
  const records = [...serviceResources(state)].flatMap(([name, all]) => {
    const record = name === service ? undefined : recordOf(all.filter((each) => !each.delete));
    return record ? [record] : [];
  });
  const found = await Promise.all(records.map(async (record) => ((await isRolledBack(record)) ? record.service : [])));
  return found.flat();
}

export function othersRolledBack(services: string[], stack: string): string {
  return (
    `${services.join(", ")} was rolled back without the stack, and an up would cut it over again: ` +
    `set its connectAs to legacy in ${stackFile(stack)}`
  );
}

async function unreachable({ server, adminPassword }: ConfiguredStack): Promise<string | undefined> {
  const admin = new Server({ ...server.admin, password: adminPassword ?? "" });
  try {
    await admin.session(undefined, (db) => db.query("SELECT 1"));
    return undefined;
  } catch (error) {
    return `the server cannot be reached: ${(error as Error).message}`;
  } finally {
    await admin.close();
  }
}
