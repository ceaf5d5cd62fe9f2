import type { Grants } from "../../../model/grants.ts";
import type { Access } from "../../../model/stack.ts";
import type { DatabaseEstate } from "../estate.ts";
import type { Need } from "../evidence.ts";
import type { PoolPlan } from "../limits.ts";
import { lostSettings } from "../lost-settings.ts";
import type { ServerFacts } from "../server-facts.ts";
import type { SeenService } from "../services.ts";
import {
  type Decide,
  type Findings,
  isOwner,
  listOf,
  type ProposedConfig,
  type Value,
  type WithRole,
} from "./config.ts";
import { ledgersOutside } from "./databases.ts";

const idleTransaction = "idle_in_transaction_session_timeout";

export const defaultSettings = { idle_session_timeout: "30min", [idleTransaction]: "5min" };

export function rolesOf(
  { server, estates }: Findings,
  services: WithRole[],
  plan: PoolPlan | undefined,
  decide: Decide,
): ProposedConfig["roles"] {
  const byRole = Map.groupBy(services, ({ role }) => role);
  return Object.fromEntries(
    [...byRole].map(([role, users]) => {
      const [{ seen: first }] = users as [WithRole, ...WithRole[]];
      const { database } = first;
      const access = strongest(users);
      const estate = estates.find(({ name }) => name === database) as DatabaseEstate;
      const grants = mergedGrants([
        ...users.map(({ need }) => need.grants),
        ...(access === "owner" ? [ledgerGrants(estate)] : []),
      ]);
      const settings = settingsOf(server, role, users, decide);
      for (const { seen, need } of users) askAbout(role, seen, need, decide);
      const limit = users.reduce((sum, { seen }) => sum + (plan?.demands.get(seen.name) ?? 1), 0);
      return [
        role,
        {
          connectionLimit: limit,
          access: { [database]: access },
          ...(Object.keys(grants).length > 0 && { grants: { [database]: grants } }),
          ...(Object.keys(settings).length > 0 && { settings }),
        },
      ];
    }),
  );
}

/** What a person must judge, because the evidence is weak or no privilege of a role is enough. */
function askAbout(role: string, { name }: SeenService, { reasons }: Need, decide: Decide): void {
  const of = (subject: string) => reasons.filter((reason) => reason.subject === subject);
  const whats = (some: Need["reasons"]) => [...new Set(some.map(({ what }) => what))];
  // The first one decides; the others support it.
  const [access] = of("access");
  if (access?.certainty === "likely") {
    decide(["roles", role, "access"], `Not certain for ${name}: ${access.what}. A log with log_statement = all tells.`);
  }
  const [migrates] = of("migrates");
  if (migrates?.certainty === "likely") decide(["services", name, "migrates"], `Not certain: ${migrates.what}.`);
  const grants = reasons.filter(({ subject, certainty }) => subject.includes(".") && certainty === "likely");
  if (grants.length > 0) {
    decide(
      ["roles", role, "grants"],
      `${name} may need ${listOf(whats(grants))}: a function's body or a name is not certain.`,
    );
  }
  const beyond = of("superuser");
  if (beyond.length > 0) {
    decide(["services", name], `It needs more than a role of the stack can have: ${whats(beyond).join("; ")}.`);
  }
  const skipped = of("skipped");
  if (skipped.length > 0) {
    decide(
      ["services", name],
      `Postgres will skip, with a warning, what its role does not own: ${whats(skipped).join(", ")}. Leave it to autovacuum, or run it as the owner.`,
    );
  }
  const unknown = of("unknown");
  if (unknown.length > 0) {
    decide(["services", name], `What some of its statements need is not known: ${whats(unknown).join("; ")}.`);
  }
}

function strongest(users: WithRole[]): Access {
  if (users.some(isOwner)) return "owner";
  return users.some(({ need }) => need.access === "writer") ? "writer" : "reader";
}

/** The rights that a tool's CREATE TABLE IF NOT EXISTS needs on the schema of its ledger. */
function ledgerGrants(estate: DatabaseEstate): Grants {
  const schemas = Object.fromEntries(
    ledgersOutside(estate)
      .filter(({ schemaPrivileges }) => schemaPrivileges.length > 0)
      .map(({ schema, schemaPrivileges }) => [schema, schemaPrivileges]),
  );
  return Object.keys(schemas).length > 0 ? { schemas } : {};
}

function mergedGrants(all: Grants[]): Grants {
  const merged: Grants = {};
  const union = (a: string[] = [], b: string[] = []) => [...new Set([...a, ...b])].toSorted();
  for (const grants of all) {
    if (grants.database) merged.database = union(merged.database, grants.database);
    for (const kind of ["schemas", "tables", "sequences", "functions", "types"] as const) {
      for (const [name, privileges] of Object.entries(grants[kind] ?? {})) {
        merged[kind] = { ...merged[kind], [name]: union(merged[kind]?.[name], privileges) };
      }
    }
    for (const [table, columns] of Object.entries(grants.columns ?? {})) {
      for (const [privilege, names] of Object.entries(columns)) {
        const earlier = merged.columns?.[table];
        merged.columns = {
          ...merged.columns,
          [table]: { ...earlier, [privilege]: union(earlier?.[privilege], names) },
        };
      }
    }
  }
  return merged;
}

/** Steps in which a timeout is raised, so that two discoveries propose the same. */
const longer = [
  [300, "15min"],
  [900, "1h"],
  [3600, "6h"],
  [21_600, "1d"],
] as const;

function settingsOf(server: ServerFacts, role: string, users: WithRole[], decide: Decide): Record<string, Value> {
  const settings: Record<string, Value> = {};
  const path = ["roles", role];
  for (const { seen } of users) {
    const lost = lostSettings(server, seen.user, seen.database);
    Object.assign(settings, lost.settings);
    if (lost.undecided.length > 0) {
      decide(
        path,
        `${seen.user} also has settings whose values are not copied: ${lost.undecided.join(", ")}. Set them here if the services need them.`,
      );
    }
  }
  const idle = Math.max(...users.map(({ seen }) => seen.idleInTransaction));
  const raised = longer.findLast(([seconds]) => idle > seconds)?.[1];
  if (raised !== undefined && !Object.hasOwn(settings, idleTransaction)) {
    settings[idleTransaction] = raised;
    const name = users.toSorted((a, b) => b.seen.idleInTransaction - a.seen.idleInTransaction)[0]?.seen.name;
    decide(
      [...path, "settings"],
      `${name} left a transaction idle for longer than the default allows; is it on purpose?`,
    );
  }
  return settings;
}
