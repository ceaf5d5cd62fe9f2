import type { InputsOf } from "../contract.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { ComposeTarget } from "./compose.ts";
import { serviceEnvContract } from "./contract.ts";
import { toTarget } from "./declared.ts";
import { urlDifference } from "./difference.ts";
import { wasRestartedByRollback } from "./rolled-back.ts";
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

    async plan(inputs, olds, before, call: Call) {
      const target = targetOf(inputs);
      const found = await target.find(call);
      const { url } = inputs;
      const changes = typeof url === "string" ? changesOf(target, found, url) : { [target.place]: "not known yet" };
      const isDue = isRestartDue(inputs, olds, found, changes);
      const deployments = Number(before.deployments ?? 0) + (isDue ? 1 : 0);
      const project = target instanceof ComposeTarget ? await target.projectName(call) : null;
      const deployedAt = isDue ? Date.now() : (before.deployedAt ?? null);
      const observed = { deployments, deployedAt, project };
      const warning = [
        ...(isBackByHand(inputs, olds, found) ? [backByHand(inputs)] : []),
        ...(isDue && hasLegacyUrl(inputs, olds, found) ? [deployedAgain(inputs, target)] : []),
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

    async apply(inputs, olds, call) {
      const { service, url, connectAs, role } = inputs;
      if (typeof url !== "string") throw new Error(`${service}: its URL is not known`);
      const target = targetOf(inputs);
      const found = await target.find(call);
      if (!isRestartDue(inputs, olds, found, changesOf(target, found, url))) {
        const isBack = olds?.connectAs === "role" && connectAs === "legacy";
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
  olds: Inputs | undefined,
  { running }: Found,
  changes: Changes,
): boolean {
  if (Object.keys(changes).length > 0) return true;
  if (olds === undefined) return connectAs === "role";
  // All that runs has it, or the changes would name it; where nobody can look, whoever restarted it just now knows.
  return olds.url !== url && running.length === 0 && !wasRestartedByRollback(service);
}

/** It goes back, and where it keeps its URL the legacy one is already. */
function hasLegacyUrl({ connectAs, url }: Inputs, olds: Inputs | undefined, { stored }: Found): boolean {
  return connectAs === "legacy" && olds?.connectAs === "role" && stored === url;
}

function deployedAgain({ service }: Inputs, { place }: EnvTarget): string {
  return `${service}: ${place} is the legacy URL already. Nobody can tell what the service runs with, so it is deployed once more`;
}

/** It was put on its role, and has its legacy URL again: by the rollback script, or by an edit. */
function isBackByHand({ connectAs, legacyUrl }: Inputs, olds: Inputs | undefined, { stored }: Found): boolean {
  return connectAs === "role" && olds?.connectAs === "role" && stored !== undefined && stored === legacyUrl;
}

function backByHand({ service, role }: Inputs): string {
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
