import { DatabaseUrlError, databaseUrlUser } from "../../model/database-url.ts";
import { switches } from "../../model/switches.ts";
import type { InputsOf } from "../contract.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import { notKnownYet } from "../reviewed.ts";
import type { Call } from "../rpc/provider.ts";
import { ComposeTarget } from "./compose.ts";
import { serviceEnvContract } from "./contract.ts";
import { toTarget } from "./problems.ts";
import type { EnvTarget, Found } from "./target.ts";

type Inputs = InputsOf<typeof serviceEnvContract>;

/**
 * A service's DATABASE_URL where compose or the user's command keeps it, and the service's restart: one step, which is rolled back
 * if the restart fails. Does not use the database.
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
      const changes = changesOf(target, found, typeof url === "string" ? url : undefined);
      const isDue = isRestartDue(inputs, previous, found, changes);
      const deployments = Number(before.deployments ?? 0) + (isDue ? 1 : 0);
      const project = target instanceof ComposeTarget ? await target.projectName(call) : null;
      const deployedAt = isDue ? Date.now() : (before.deployedAt ?? null);
      const observed = { deployments, deployedAt, project };
      const warning = [
        ...(isRolledBackByHand(inputs, previous, found) ? [rolledBackByHand(inputs)] : []),
        ...(isDue && hasLegacyUrl(inputs, previous, found) ? [deployedAgain(inputs, target)] : []),
      ];
      // Problems of a redeploy do not block an up without one.
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
        : `${service}: will be restarted ${connectAs === "role" ? `as ${role}` : "with its legacy URL"}`,

    async apply(inputs, previous, call) {
      const { service, url, connectAs, role } = inputs;
      if (typeof url !== "string") throw new Error(`${service}: its URL is not known`);
      const target = targetOf(inputs);
      const found = await target.find(call);
      if (!isRestartDue(inputs, previous, found, changesOf(target, found, url))) {
        const isBack = previous?.connectAs === "role" && connectAs === "legacy";
        return isBack ? `${service}: already runs with its legacy URL and is not restarted` : undefined;
      }
      try {
        await target.put(url, call);
      } catch (error) {
        const message = `${service} could not be restarted with its ${connectAs === "role" ? `URL as ${role}` : "legacy URL"}: ${(error as Error).message}`;
        throw new Error(target.scrub(message));
      }
      return `${service}: ${target.place} was set to ${connectAs === "role" ? `the URL of ${role}` : "the legacy URL"}, and the service was restarted`;
    },

    async remove(inputs, call) {
      const { service, connectAs, legacyUrl } = inputs;
      if (connectAs === "legacy" || typeof legacyUrl !== "string") return;
      const target = targetOf(inputs);
      const found = await target.find(call);
      if (Object.keys(changesOf(target, found, legacyUrl)).length === 0) return;
      await target.put(legacyUrl, call);
      call.report.info(`${service}: restarted with its legacy URL`);
    },
  };
}

/** Whether the service must be restarted with the URL: not if it is known to run with it. */
function isRestartDue(
  { service, connectAs, url }: Inputs,
  previous: Inputs | undefined,
  { running }: Found,
  changes: Changes,
): boolean {
  if (Object.keys(changes).length > 0) return true;
  if (previous === undefined) return connectAs === "role";
  // Running containers have the URL, or there would be changes; without containers, only app-roles rollback knows.
  return previous.url !== url && running.length === 0 && !wasRestartedByRollback(service);
}

/** A rollback of a service whose stored URL is already the legacy one. */
function hasLegacyUrl({ connectAs, url }: Inputs, previous: Inputs | undefined, { stored }: Found): boolean {
  return connectAs === "legacy" && previous?.connectAs === "role" && stored === url;
}

function deployedAgain({ service }: Inputs, { place }: EnvTarget): string {
  return `${service}: ${place} is already the legacy URL. The URL that the service runs with is not known, so it is deployed again`;
}

/** A service on its role has its legacy URL again, by the rollback script or a manual edit. */
function isRolledBackByHand(
  { connectAs, legacyUrl }: Inputs,
  previous: Inputs | undefined,
  { stored }: Found,
): boolean {
  return connectAs === "role" && previous?.connectAs === "role" && stored !== undefined && stored === legacyUrl;
}

function rolledBackByHand({ service, role }: Inputs): string {
  return (
    `${service} was rolled back by hand: it has its legacy URL again. An up with this configuration cuts it over to ${role} again; ` +
    "to keep its legacy URL, set its connectAs to legacy"
  );
}

function targetOf(inputs: Inputs): EnvTarget {
  const target = toTarget(inputs);
  if (!target) throw new Error(`${inputs.service}: neither compose nor command is given`);
  return target;
}

/** Compares values, but shows only the users. Any value differs from a URL that is not known yet. */
function changesOf({ place }: EnvTarget, { stored, running }: Found, url: string | undefined): Changes {
  const stale = running.filter(({ value }) => url === undefined || value !== url);
  return {
    ...((url === undefined || stored !== url) && { [place]: urlDifference(stored, url) }),
    ...Object.fromEntries(stale.map(({ name, value }) => [`container ${name}`, urlDifference(value, url)])),
  };
}

/** Whether `app-roles rollback` has just restarted the service with its legacy URL. */
function wasRestartedByRollback(service: string): boolean {
  return process.env[switches.rolledBack] === service;
}

/** How two DATABASE_URLs differ, showing only the users; `to` is undefined while it is not known. */
function urlDifference(from: string | undefined, to: string | undefined): string {
  const before = from === undefined ? "nothing" : userOf(from);
  const after = to === undefined ? notKnownYet : userOf(to);
  return before === after ? `${before}, another password or address` : `${before} -> ${after}`;
}

function userOf(url: string): string {
  try {
    const user = databaseUrlUser(url);
    return user === undefined ? "no user" : `user ${user}`;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return "an invalid Postgres URL";
    throw error;
  }
}
