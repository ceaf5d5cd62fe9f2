import { switches } from "../../model/switches.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { isRolledBack } from "../../provider/rollback-kit/rollback-source.ts";
import { showPulumi } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { type Exported, exportState, serviceResources, switchesInState } from "../pulumi/state.ts";
import { recordOf } from "./find-source.ts";

/** What became of the state after a service went back. */
export type StateUpdate =
  | { state: "current" }
  /** Nothing was begun: the next up does it. */
  | { state: "left"; why: string }
  | { state: "failed"; why: string };

/**
 * Brings the state along once a service is on its legacy URL and the stack's file says so: an ordinary up, where nothing speaks
 * against one.
 *
 * @param wasRestarted whether the service was seen to be restarted with its legacy URL
 */
export async function updateState(service: string, stack: string, wasRestarted: boolean): Promise<StateUpdate> {
  const why = await whyNot(service, stack).catch((error: Error) => error.message);
  if (why !== undefined) return { state: "left", why };
  const env = wasRestarted ? { [switches.rolledBack]: service } : {};
  const code = await showPulumi(["up", "--yes", "--skip-preview", "--stack", stack], env);
  return code === 0 ? { state: "current" } : { state: "failed", why: `its pulumi up ended with exit code ${code}` };
}

/** What speaks against an up of the whole stack now; undefined: nothing. */
async function whyNot(service: string, stack: string): Promise<string | undefined> {
  const configured = await readStack(stack);
  const state = await exportState(stack, "in clear");
  const switched = pendingSwitches(configured, state, service);
  if (switched.length > 0) return `Pulumi.${stack}.yaml switches other services too: ${switched.join(", ")}`;
  const back = await rolledBackOthers(state, service);
  if (back.length > 0) return othersRolledBack(back, stack);
  return unreachable(configured);
}

/** Switches, but for `service`'s, that no up has carried out yet: `worker (legacy -> role)`. */
function pendingSwitches({ services }: ConfiguredStack, state: Exported, service: string): string[] {
  const inForce = switchesInState(state);
  return services
    .filter(({ name, connectAs }) => name !== service && (inForce.get(name) ?? "legacy") !== connectAs)
    .map(({ name, connectAs }) => `${name} (${inForce.get(name) ?? "legacy"} -> ${connectAs})`);
}

/** The services, but for `service`, that were put back on their legacy URL without the stack: an up would put them on their role. */
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
    `${services.join(", ")} was rolled back without the stack, and an up would put it on its role: ` +
    `set its connectAs to legacy in Pulumi.${stack}.yaml`
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
