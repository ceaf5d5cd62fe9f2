import type { BudgetEntry } from "../../model/budget.ts";
import type { Server } from "../postgres/connection.ts";
import { isMissingDatabase, isStandby } from "../postgres/databases.ts";
import { isSuperuser } from "../postgres/roles.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import type { ServerFacts } from "../warnings/facts.ts";
import { serverWarnings } from "../warnings/index.ts";
import { cronDatabase, cronJobs } from "../warnings/unmoved-objects.ts";
import { warningsOf } from "../warnings/warning.ts";
import { connectionBudgetContract } from "./contract.ts";
import {
  missing,
  ordinarySlots,
  readLiveBudget,
  superusers,
  table,
  totalOf,
  undeclared,
  unlimited,
} from "./live-budget.ts";

/** Of a property the engine would print the value first, and all entries in Go's notation. */
const whole = "";

/** The declared limits against the live server. Every role depends on it: over the ceiling nothing is touched. */
export function connectionBudget(server: Server): Reconciler<typeof connectionBudgetContract> {
  let lastTable = "";
  return {
    contract: connectionBudgetContract,
    identity: [],
    // By position in the list one role would read as another: the plan names what differs by role.
    advisory: ["entries", "assumed", "databases", "access", "closed", "legacyUsers", "superuser", "migrationComplete"],
    id: () => "connection-budget",

    async plan(inputs, olds, before) {
      const { ceiling, entries, assumed = [], enforced = [], superuser } = inputs;
      const { databases = [], access, closed = [], legacyUsers = [] } = inputs;
      const live = await server.anySession(readLiveBudget);
      lastTable = table(entries, live);
      const total = totalOf(entries);
      const slots = ordinarySlots(live.slots);
      const failures = [];
      if (await server.anySession(isStandby)) {
        const { host, port } = server.address;
        const reason = `the server at ${host}:${port} is a standby and cannot be changed: give app-roles:server.admin (host, port) the address of the primary`;
        failures.push({ property: whole, reason });
      }
      if (superuser && !(await server.anySession(isSuperuser))) {
        const reason = `${server.address.user} is no superuser: set app-roles:server.admin.superuser to false, and what it may not do is refused before anything is changed`;
        failures.push({ property: whole, reason });
      }
      if (total > ceiling) {
        const reason = `the limits add up to ${total}, ${total - ceiling} over the ceiling of ${ceiling}. Lower connectionLimit of a role until they fit`;
        failures.push({ property: whole, reason: `${reason}\n${lastTable}` });
      } else if (total > slots) {
        const reserved = live.slots.superuserReserved + live.slots.reserved;
        const reason = `the limits add up to ${total}, but the server has ${slots} slots for ordinary roles (max_connections ${live.slots.max} less ${reserved} reserved). Lower connectionLimit of a role, or raise max_connections`;
        failures.push({ property: whole, reason: `${reason}\n${lastTable}` });
      }
      const warnings = missing(entries, live.roles).map(
        (role) =>
          `app-roles:existingRoles.${role}: the server has no login role of that name; its share of the budget is unused`,
      );
      // A role that is declared no more is dropped by this very up: naming it now would be a change for the next.
      const leaving = rolesOf(olds?.entries ?? []);
      return {
        changes: differences(olds?.entries ?? (Object.keys(before).length > 0 ? [] : entries), entries),
        observed: {
          undeclared: undeclared([...entries.map(({ role }) => role), ...leaving, ...assumed], live.roles),
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

    summarize: ({ ceiling, entries }) => `${totalOf(entries)} of ${ceiling} connections\n${lastTable}`,
    // On refresh the official plugin fails too, without a word of what to do.
    reach: () => server.anySession(async () => undefined),
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

/** Role to what the budget holds of it, before and after. */
function differences(before: BudgetEntry[], after: BudgetEntry[]): Changes {
  const words = (entries: BudgetEntry[], role: string) => {
    const entry = entries.find((one) => one.role === role);
    return entry ? `limit ${entry.limit} (${entry.source})` : "not in the budget";
  };
  const roles = new Set([...before, ...after].map(({ role }) => role));
  return Object.fromEntries(
    [...roles]
      .map((role) => [role, words(before, role), words(after, role)] as const)
      .filter(([, former, next]) => former !== next)
      .map(([role, former, next]) => [role, `${former} -> ${next}`]),
  );
}

/** The stack's own. */
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
    if (isMissingDatabase(error)) return warnings; // then pg_cron runs nothing
    throw error;
  }
}
