import { type BudgetEntry, connectionBudget as sumOf } from "../../model/budget.ts";
import type { Server } from "../postgres/connection.ts";
import { isMissingDatabase, isStandby } from "../postgres/databases.ts";
import { isSuperuser } from "../postgres/roles.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import type { ServerFacts } from "../warnings/facts.ts";
import { serverWarnings } from "../warnings/index.ts";
import { cronDatabase, cronJobs } from "../warnings/unmoved-objects.ts";
import { warningsOf } from "../warnings/warning.ts";
import { connectionBudgetContract } from "./contract.ts";
import { missing, readLiveBudget, superusers, table, undeclared, unlimited, usableSlots } from "./live-budget.ts";

/** The path of the whole resource: for a property the engine prints its value first, in Go's notation. */
const whole = "";

/** Compares the declared limits with the live server. Every role depends on it: above the ceiling nothing is changed. */
export function connectionBudget(server: Server): Reconciler<typeof connectionBudgetContract> {
  let lastTable = "";
  return {
    contract: connectionBudgetContract,
    identity: [],
    // The engine compares entries by position; the plan compares them by role.
    advisory: ["entries", "assumed", "databases", "access", "closed", "legacyUsers", "superuser", "migrationComplete"],
    id: () => "connection-budget",

    async plan(inputs, previous, outputs) {
      const { ceiling, entries, assumed = [], enforced = [], superuser } = inputs;
      const { databases = [], access, closed = [], legacyUsers = [] } = inputs;
      const live = await server.anySession(readLiveBudget);
      const budget = sumOf(ceiling, entries, assumed);
      const { total } = budget;
      lastTable = table(budget.entries, live);
      const slots = usableSlots(live.slots);
      const failures = [];
      if (await server.anySession(isStandby)) {
        const { host, port } = server.address;
        const reason = `the server at ${host}:${port} is a standby and cannot be changed: set app-roles:server.admin (host, port) to the address of the primary`;
        failures.push({ property: whole, reason });
      }
      if (superuser && !(await server.anySession(isSuperuser))) {
        const reason = `${server.address.user} is not a superuser: set app-roles:server.admin.superuser to false; then actions that it cannot do are refused before anything is changed`;
        failures.push({ property: whole, reason });
      }
      if (total > ceiling) {
        const reason = `the limits add up to ${total}, ${total - ceiling} over the ceiling of ${ceiling}. Lower connectionLimit of a role until they fit`;
        failures.push({ property: whole, reason: `${reason}\n${lastTable}` });
      } else if (total > slots) {
        const reserved = live.slots.superuserReserved + live.slots.reserved;
        const reason = `the limits add up to ${total}, but the server has ${slots} slots for non-superusers (max_connections ${live.slots.max} less ${reserved} reserved). Lower connectionLimit of a role, or raise max_connections`;
        failures.push({ property: whole, reason: `${reason}\n${lastTable}` });
      }
      const warnings = missing(entries, live.roles).map(
        (role) =>
          `app-roles:existingRoles.${role}: the server has no login role of that name; its part of the budget is unused`,
      );
      // The up drops roles that are no longer declared: listing them would cause a change in the next up.
      const dropped = rolesOf(previous?.entries ?? []);
      return {
        changes: differences(previous?.entries ?? (Object.keys(outputs).length > 0 ? [] : entries), entries),
        observed: {
          undeclared: undeclared([...entries.map(({ role }) => role), ...dropped, ...assumed], live.roles),
          unlimited: unlimited(entries, live.roles, enforced),
          superusers: superusers(live.roles),
        },
        failures,
        warnings: [
          ...warnings,
          ...(await warningsAbout(server, { databases, access, closed, roles: rolesOf(entries), legacyUsers })),
        ],
      };
    },

    summarize: ({ ceiling, entries, assumed }) =>
      `${sumOf(ceiling, entries, assumed).total} of ${ceiling} connections\n${lastTable}`,
    // On refresh the official plugin fails too, but without a next step.
    reach: () => server.anySession(async () => undefined),
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

/** Role to the change of its budget entry. */
function differences(previous: BudgetEntry[], next: BudgetEntry[]): Changes {
  const words = (entries: BudgetEntry[], role: string) => {
    const entry = entries.find((one) => one.role === role);
    return entry ? `limit ${entry.limit} (${entry.source})` : "not in the budget";
  };
  const roles = new Set([...previous, ...next].map(({ role }) => role));
  return Object.fromEntries(
    [...roles]
      .map((role) => [role, words(previous, role), words(next, role)] as const)
      .filter(([, from, to]) => from !== to)
      .map(([role, from, to]) => [role, `${from} -> ${to}`]),
  );
}

/** Roles of the stack. */
function rolesOf(entries: BudgetEntry[]): string[] {
  return entries.filter(({ source }) => source === "declared").map(({ role }) => role);
}

async function warningsAbout(server: Server, declared: Omit<ServerFacts, "adminDatabase">): Promise<string[]> {
  const facts = { ...declared, adminDatabase: server.address.database };
  const { warnings, cron } = await server.anySession(async (db) => ({
    warnings: await warningsOf(db, facts, serverWarnings),
    cron: await cronDatabase(db),
  }));
  if (cron === undefined || declared.legacyUsers.length === 0) return warnings;
  try {
    return [...warnings, ...(await server.session(cron, (db) => warningsOf(db, facts, [cronJobs])))];
  } catch (error) {
    if (isMissingDatabase(error)) return warnings; // pg_cron then runs no job
    throw error;
  }
}
