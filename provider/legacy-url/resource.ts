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
import { containerVariable } from "../docker/variable.ts";
import type { Plan, Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { type PropertyValue, reveal, Secret } from "../rpc/values.ts";
import { toTarget } from "../service-env/problems.ts";
import type { Watched } from "../service-env/target.ts";
import { legacyUrlContract } from "./contract.ts";

type Inputs = InputsOf<typeof legacyUrlContract>;

/**
 * The DATABASE_URL a service had before the stack, byte for byte: found before anything is changed and kept in the state.
 * While the service is on `legacy` it follows what is found, but in the up of `rotate-superuser`; once on its role it changes
 * no more, but for the admin's password where it logs in with that and the admin gets another. Where a container of the
 * stack's own is the first to run the service, it is made of the admin's login and follows that. Asks the database
 * nothing; what cannot be looked at is an error only as long as nothing is kept. Once the migration is complete it is kept
 * without user and password.
 */
export function legacyUrl(): Reconciler<typeof legacyUrlContract> {
  return {
    contract: legacyUrlContract,
    identity: ["service"],
    advisory: ["roles", "legacyUsers", "dockerHost"],
    hidden: ["made"],
    // Known to a preview, which says by it whether a service that stays on its legacy URL is restarted.
    id: ({ service }) => service,

    async plan(inputs, olds, before, call: Call) {
      const { given } = inputs;
      if (given !== undefined) return keep(given as PropertyValue);
      if (before.isMade === true) return inputs.migrationComplete ? withoutLogins(follow(inputs)) : follow(inputs);
      const kept = keptUrl(inputs, before);
      if (inputs.migrationComplete)
        return withoutLogins(kept === undefined ? await look(inputs, kept, call) : keep(kept));
      if (kept === undefined || inputs.connectAs === "legacy") {
        return renewFound(await look(inputs, kept, call), kept, olds?.made, inputs.made);
      }
      const renewed = renew(kept, olds?.made, inputs.made);
      return renewed === undefined ? keep(kept) : { ...keep(renewed), changes: renewal };
    },

    summarize: ({ service }, changes) =>
      Object.keys(changes).length === 0
        ? undefined
        : `${service}: its recorded legacy URL gets the admin's new password`,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

/** What the state has; one whose login was removed is none to go back to. */
function keptUrl({ connectAs, migrationComplete }: Inputs, before: Record<string, PropertyValue>): string | undefined {
  const url = reveal(before.url ?? null);
  const isWhole = before.hasLogin !== false || connectAs === "role" || migrationComplete;
  return typeof url === "string" && isWhole ? url : undefined;
}

/** The kept URL with the admin's new password where it had the former one; undefined where it did not, or is to stay. */
function renew(kept: string, formerlyMade: Inputs["made"] | undefined, made: Inputs["made"]): string | undefined {
  if (typeof formerlyMade !== "string" || typeof made !== "string" || formerlyMade === made) return undefined;
  if (process.env[switches.legacyUrls] === "keep") return undefined;
  const user = databaseUrlUser(made);
  const [former, next] = [databaseUrlPassword(formerlyMade), databaseUrlPassword(made)];
  if (user === undefined || former === undefined || next === undefined) return undefined;
  return withNewPassword(kept, user, former, next);
}

const renewal = { url: "the admin's former password -> the one the admin has now" };

/**
 * What was found of a service on `legacy`, with the admin's new password where rotate-superuser asks for that. Where the service
 * keeps it the former one stays until its restart: a run that goes on with one that failed there finds it once more.
 */
function renewFound(
  plan: Plan,
  kept: string | undefined,
  formerlyMade: Inputs["made"] | undefined,
  made: Inputs["made"],
): Plan {
  const url = reveal(plan.observed?.url ?? null);
  if (process.env[switches.legacyUrls] !== "renew" || typeof url !== "string" || typeof made !== "string") return plan;
  const renewed = renew(url, formerlyMade, made);
  if (renewed !== undefined) return { ...plan, ...keep(renewed, plan.warnings), changes: renewal };
  return kept !== undefined && isFormer(url, kept, made) ? { ...plan, ...keep(kept, plan.warnings) } : plan;
}

/** Whether a URL differs from the kept one in the admin's password alone, which the kept one has as it is now. */
function isFormer(url: string, kept: string, made: string): boolean {
  const [user, now, other] = [databaseUrlUser(made), databaseUrlPassword(made), databaseUrlPassword(url)];
  if (user === undefined || now === undefined || other === undefined || other === now) return false;
  return withNewPassword(url, user, other, now) === kept;
}

function keep(url: PropertyValue, warnings: string[] = []): Plan {
  return { changes: {}, observed: { url: secret(url), hasLogin: true, isMade: false }, warnings };
}

/** The one made of the admin's login, whatever that is. */
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
            `${service} logs in as ${user} (${place}): what it makes as that user is open to the stack's roles only once ${inConfig(service)} is set to that URL`,
          ],
    );
  } catch (error) {
    const reason = `${service}: the URL it has today cannot be looked up: ${(error as Error).message}`;
    if (kept !== undefined) return keep(kept, [`${reason}; the one that is kept in the state stays`]);
    return { changes: {}, failures: [{ property: "", reason: `${reason}; else give it as ${inConfig(service)}` }] };
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
  if (!target) throw new Error("neither container, compose nor command is given");
  const { stored, running } = await target.find(call);
  return { url: stored ?? running.find(({ value }) => value !== undefined)?.value, place: target.place };
}

/** Why what was found cannot be the legacy URL. */
function unfit(
  { service, roles, database, migrationComplete }: Inputs,
  url: string,
  place: string,
): string | undefined {
  const instead = `give the URL that it had before the stack as ${inConfig(service)}`;
  try {
    const user = databaseUrlUser(url);
    if (!migrationComplete && user !== undefined && roles.includes(user)) {
      return `${service}: ${place} logs in as ${user}, a role of this stack; ${instead}`;
    }
    if (databaseUrlDatabase(url) !== database) {
      // The name is not shown: in a URL without its @ it is the tail of a password.
      return `${service}: ${place} names another database than ${database}, which app-roles:services.${service}.database says; correct that, or ${instead}`;
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    return `${service}: ${place} is no Postgres URL (value not shown): ${error.message}; ${instead}`;
  }
}

function inConfig(service: string): string {
  return `app-roles:serviceSecrets.${service}.legacyUrl`;
}

function secret(value: PropertyValue): Secret {
  return new Secret(reveal(value));
}
