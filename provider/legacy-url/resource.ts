import {
  DatabaseUrlError,
  databaseUrlDatabase,
  databaseUrlPassword,
  databaseUrlUser,
  withNewPassword,
  withoutLogin,
} from "../../model/database-url.ts";
import { switches } from "../../model/switches.ts";
import type { InputsOf } from "../contract.ts";
import { containerVariable } from "../docker/lookups.ts";
import type { Plan, Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { type PropertyValue, reveal, Secret } from "../rpc/values.ts";
import { toTarget } from "../service-env/problems.ts";
import type { Watched } from "../service-env/target.ts";
import { legacyUrlContract } from "./contract.ts";

type Inputs = InputsOf<typeof legacyUrlContract>;

/**
 * The legacy URL of a service, byte for byte: found before the first change and kept in the state. While the service is on
 * `legacy`, the URL follows the one that is found, except in the up of `rotate-superuser`. After the cutover it changes only when
 * it has the admin's password and that changes. Without a previous container it is created from the admin's login and follows
 * that. Does not query the database. A failed search is an error only while no URL is kept. Once the migration is complete, the URL
 * is kept without user and password.
 */
export function legacyUrl(): Reconciler<typeof legacyUrlContract> {
  return {
    contract: legacyUrlContract,
    identity: ["service"],
    advisory: ["roles", "legacyUsers", "dockerHost"],
    hidden: ["made"],
    id: ({ service }) => service,

    async plan(inputs, previous, outputs, call: Call) {
      const { given } = inputs;
      if (given !== undefined) return keep(given as PropertyValue);
      if (outputs.isMade === true) return inputs.migrationComplete ? withoutLogins(follow(inputs)) : follow(inputs);
      const kept = keptUrl(inputs, outputs);
      if (inputs.migrationComplete)
        return withoutLogins(kept === undefined ? await look(inputs, kept, call) : keep(kept));
      if (kept === undefined || inputs.connectAs === "legacy") {
        return renewFound(await look(inputs, kept, call), kept, previous?.made, inputs.made);
      }
      const renewed = renew(kept, previous?.made, inputs.made);
      return renewed === undefined ? keep(kept) : { ...keep(renewed), changes: renewal };
    },

    summarize: ({ service }, changes) =>
      Object.keys(changes).length === 0 ? undefined : `${service}: its legacy URL gets the admin's new password`,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

/** The URL in the state, unless a service on `legacy` needs a login that was removed from it. */
function keptUrl({ connectAs, migrationComplete }: Inputs, outputs: Record<string, PropertyValue>): string | undefined {
  const url = reveal(outputs.url ?? null);
  const isWhole = outputs.hasLogin !== false || connectAs === "role" || migrationComplete;
  return typeof url === "string" && isWhole ? url : undefined;
}

/** The kept URL with the admin's new password in place of the previous one; undefined when it has another or must stay. */
function renew(kept: string, previouslyMade: Inputs["made"] | undefined, made: Inputs["made"]): string | undefined {
  if (typeof previouslyMade !== "string" || typeof made !== "string" || previouslyMade === made) return undefined;
  if (process.env[switches.legacyUrls] === "keep") return undefined;
  const user = databaseUrlUser(made);
  const [from, to] = [databaseUrlPassword(previouslyMade), databaseUrlPassword(made)];
  if (user === undefined || from === undefined || to === undefined) return undefined;
  return withNewPassword(kept, user, from, to);
}

const renewal = { url: "the admin's previous password -> the current one" };

/**
 * The found URL of a service on `legacy`, with the admin's new password if `rotate-superuser` requests it. The service has the
 * previous password until its restart, so an up that continues a failed one finds it again.
 */
function renewFound(
  plan: Plan,
  kept: string | undefined,
  previouslyMade: Inputs["made"] | undefined,
  made: Inputs["made"],
): Plan {
  const url = reveal(plan.observed?.url ?? null);
  if (process.env[switches.legacyUrls] !== "renew" || typeof url !== "string" || typeof made !== "string") return plan;
  const renewed = renew(url, previouslyMade, made);
  if (renewed !== undefined) return { ...plan, ...keep(renewed, plan.warnings), changes: renewal };
  return kept !== undefined && hasPreviousPassword(url, kept, made) ? { ...plan, ...keep(kept, plan.warnings) } : plan;
}

/** Whether a URL differs from the kept one, which has the current admin password, only in that password. */
function hasPreviousPassword(url: string, kept: string, made: string): boolean {
  const [user, current, other] = [databaseUrlUser(made), databaseUrlPassword(made), databaseUrlPassword(url)];
  if (user === undefined || current === undefined || other === undefined || other === current) return false;
  return withNewPassword(url, user, other, current) === kept;
}

function keep(url: PropertyValue, warnings: string[] = []): Plan {
  return { changes: {}, observed: { url: secret(url), hasLogin: true, isMade: false }, warnings };
}

/** The URL with the admin's current login. */
function follow({ made }: Inputs): Plan {
  return { changes: {}, observed: { url: secret(made as PropertyValue), hasLogin: true, isMade: true } };
}

function withoutLogins(plan: Plan): Plan {
  const url = reveal(plan.observed?.url ?? null);
  if (typeof url !== "string") return plan;
  return { ...plan, observed: { ...plan.observed, url: secret(withoutLogin(url)), hasLogin: false } };
}

async function look(inputs: Inputs, kept: string | undefined, call: Watched): Promise<Plan> {
  const { service, made, connectAs, legacyUsers } = inputs;
  try {
    const { url, place } = await find(inputs, call);
    if (url === undefined && kept === undefined && inputs.container !== undefined) return follow(inputs);
    if (url === undefined) return keep(kept ?? (made as PropertyValue));
    const problem = unfit(inputs, url, place);
    if (problem !== undefined) {
      if (kept !== undefined) return keep(kept);
      return { changes: {}, failures: [{ property: "", reason: problem }] };
    }
    const user = databaseUrlUser(url);
    const isCovered = connectAs === "role" || user === undefined || legacyUsers.includes(user);
    return keep(
      url,
      isCovered
        ? []
        : [
            `${service} logs in as ${user} (${place}): roles of the stack get privileges on the objects that it creates only once ${inConfig(service)} is set to that URL`,
          ],
    );
  } catch (error) {
    const reason = `${service}: its legacy URL cannot be looked up: ${(error as Error).message}`;
    if (kept !== undefined) return keep(kept, [`${reason}; the URL in the state is kept`]);
    return { changes: {}, failures: [{ property: "", reason: `${reason}; or set ${inConfig(service)}` }] };
  }
}

async function find(inputs: Inputs, call: Watched): Promise<{ url: string | undefined; place: string }> {
  const { container, urlKey, dockerHost } = inputs;
  if (container !== undefined) {
    return {
      url: await containerVariable(dockerHost, container, urlKey),
      place: `${urlKey} of the container ${container}`,
    };
  }
  const target = toTarget(inputs);
  if (!target) throw new Error("neither container, compose nor command is set");
  const { stored, running } = await target.find(call);
  return { url: stored ?? running.find(({ value }) => value !== undefined)?.value, place: target.place };
}

/** The reason why a URL cannot be the legacy URL. */
function unfit(
  { service, roles, database, migrationComplete }: Inputs,
  url: string,
  place: string,
): string | undefined {
  const instead = `set ${inConfig(service)} to its legacy URL`;
  try {
    const user = databaseUrlUser(url);
    if (!migrationComplete && user !== undefined && roles.includes(user)) {
      return `${service}: ${place} logs in as ${user}, a role of this stack; ${instead}`;
    }
    if (databaseUrlDatabase(url) !== database) {
      // The name is not shown: in a URL without @ it is the end of a password.
      return `${service}: ${place} names another database than ${database} in app-roles:services.${service}.database; correct that, or ${instead}`;
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    return `${service}: ${place} is not a Postgres URL (value not shown): ${error.message}; ${instead}`;
  }
}

function inConfig(service: string): string {
  return `app-roles:serviceSecrets.${service}.legacyUrl`;
}

function secret(value: PropertyValue): Secret {
  return new Secret(reveal(value));
}
