import { DatabaseUrlError, databaseUrlUser } from "../../model/database-url.ts";
import { switches } from "../../model/switches.ts";
import type { InputsOf } from "../contract.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { ComposeTarget } from "./compose.ts";
import { serviceEnvContract } from "./contract.ts";
import { toTarget } from "./problems.ts";
import type { EnvTarget, Found } from "./target.ts";

type Inputs = InputsOf<typeof serviceEnvContract>;

/**
 * A service's DATABASE_URL where compose or the user's command keeps it, and the service started with it: one step, taken
 * back when the restart fails. Asks the database nothing.
 */
export function serviceEnv(): Reconciler<typeof serviceEnvContract> {
  return {
    contract: serviceEnvContract,
    identity: ["service"],
    hidden: ["legacyUrl", "deployedAt"],
    advisory: ["dockerHost"],
    id: ({ service }) => service,

    async plan(inputs, previous, before, call: Call) {
      const target = targetOf(inputs);
      const found = await target.find(call);
      const { url } = inputs;
      const changes = typeof url === "string" ? changesOf(target, found, url) : { [target.place]: "not known yet" };
      const isDue = isRestartDue(inputs, previous, found, changes);
      const deployments = Number(before.deployments ?? 0) + (isDue ? 1 : 0);
      const project = target instanceof ComposeTarget ? await target.projectName(call) : null;
      const deployedAt = isDue ? Date.now() : (before.deployedAt ?? null);
      const observed = { deployments, deployedAt, project };
      const warning = [
        ...(isRolledBackByHand(inputs, previous, found) ? [rolledBackByHand(inputs)] : []),
        ...(isDue && hasLegacyUrl(inputs, previous, found) ? [deployedAgain(inputs, target)] : []),
      ];
      // Nobody is kept from an up by what matters only to a redeploy that is not due.
      if (!isDue) return { changes, observed };
      const { refusals, warnings } = await target.examine(call);
      return {
        changes,
        observed,
        failures: refusals.map((reason) => ({ property: "", reason: `${inputs.service}: ${reason}` })),
        warnings: [...warning, ...warnings.map((each) => `${inputs.service}: ${each}`)],
      };
    },

    summarize: ({ service, connectAs, role }, changes) =>
      Object.keys(changes).length === 0
        ? undefined
        : `${service}: is restarted ${connectAs === "role" ? `as ${role}` : "with its legacy URL"}`,

    async apply(inputs, previous, call) {
      const { service, url, connectAs, role } = inputs;
      if (typeof url !== "string") throw new Error(`${service}: its URL is not known`);
      const target = targetOf(inputs);
      const found = await target.find(call);
      if (!isRestartDue(inputs, previous, found, changesOf(target, found, url))) {
        const isBack = previous?.connectAs === "role" && connectAs === "legacy";
        return isBack ? `${service}: runs on its legacy URL already, and is not restarted` : undefined;
      }
      try {
        await target.put(url, call);
      } catch (error) {
        const message = `${service} could not be given its ${connectAs === "role" ? `URL as ${role}` : "legacy URL"}: ${(error as Error).message}`;
        throw new Error(target.scrub(message));
      }
      return `${service}: ${target.place} is ${connectAs === "role" ? `${role}'s` : "the legacy URL"}, and it was restarted with it`;
    },

    async remove(inputs, call) {
      const { service, connectAs, legacyUrl } = inputs;
      if (connectAs === "legacy" || typeof legacyUrl !== "string") return;
      const target = targetOf(inputs);
      const found = await target.find(call);
      if (Object.keys(changesOf(target, found, legacyUrl)).length === 0) return;
      await target.put(legacyUrl, call);
      call.report.info(`${service}: back on its legacy URL, and restarted with it`);
    },
  };
}

/** Whether the service is to be started with the URL; not where it is seen to run with it. */
function isRestartDue(
  { service, connectAs, url }: Inputs,
  previous: Inputs | undefined,
  { running }: Found,
  changes: Changes,
): boolean {
  if (Object.keys(changes).length > 0) return true;
  if (previous === undefined) return connectAs === "role";
  // All that runs has it, or the changes would name it; where nobody can look, whoever restarted it just now knows.
  return previous.url !== url && running.length === 0 && !wasRestartedByRollback(service);
}

/** It goes back, and where it keeps its URL the legacy one is already. */
function hasLegacyUrl({ connectAs, url }: Inputs, previous: Inputs | undefined, { stored }: Found): boolean {
  return connectAs === "legacy" && previous?.connectAs === "role" && stored === url;
}

function deployedAgain({ service }: Inputs, { place }: EnvTarget): string {
  return `${service}: ${place} is the legacy URL already. Nobody can tell what the service runs with, so it is deployed once more`;
}

/** It was put on its role, and has its legacy URL again: by the rollback script, or by an edit. */
function isRolledBackByHand(
  { connectAs, legacyUrl }: Inputs,
  previous: Inputs | undefined,
  { stored }: Found,
): boolean {
  return connectAs === "role" && previous?.connectAs === "role" && stored !== undefined && stored === legacyUrl;
}

function rolledBackByHand({ service, role }: Inputs): string {
  return (
    `${service} was rolled back by hand: it has its legacy URL again. An up as it is configured puts it back on ${role}; ` +
    "to keep it where it is, set its connectAs to legacy"
  );
}

function targetOf(inputs: Inputs): EnvTarget {
  const target = toTarget(inputs);
  if (!target) throw new Error(`${inputs.service}: neither compose nor command is given`);
  return target;
}

/** Compared by value: one resource in the state knows both; what is shown are the users alone. */
function changesOf({ place }: EnvTarget, { stored, running }: Found, url: string): Changes {
  const stale = running.filter(({ value }) => value !== url);
  return {
    ...(stored !== url && { [place]: urlDifference(stored, url) }),
    ...Object.fromEntries(stale.map(({ name, value }) => [`container ${name}`, urlDifference(value, url)])),
  };
}

/** Whether `app-roles rollback` has just restarted the service with its legacy URL; of a service with a command nobody else could know. */
function wasRestartedByRollback(service: string): boolean {
  return process.env[switches.rolledBack] === service;
}

/** How one DATABASE_URL differs from another, with nothing of either but the users. */
function urlDifference(from: string | undefined, to: string): string {
  const [before, after] = [from, to].map((url) => (url === undefined ? "nothing" : userOf(url)));
  return before === after ? `${before}, another password or address` : `${before} -> ${after}`;
}

function userOf(url: string): string {
  try {
    const user = databaseUrlUser(url);
    return user === undefined ? "no user" : `user ${user}`;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return "a text that is no Postgres URL";
    throw error;
  }
}
