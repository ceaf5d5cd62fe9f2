import { z } from "zod";
import { missing, ordinarySlots, readLiveBudget, table, totalOf, undeclared, unlimited } from "../catalog/budget.ts";
import { warningsOf } from "../catalog/hazards/hazard.ts";
import { serverHazards } from "../catalog/hazards/index.ts";
import type { Server } from "../connection.ts";
import type { Reconciler } from "./reconciler.ts";

const shape = {
  /** Connections all roles together may be promised; 95 leaves the reserved slots and room for an admin. */
  ceiling: z.int().positive(),
  entries: z.array(
    z.strictObject({ role: z.string(), limit: z.int().positive(), source: z.enum(["declared", "existing"]) }),
  ),
  /** Existing roles that this stack gives their limit. */
  enforced: z.array(z.string()).optional(),
  /** The declared databases. */
  databases: z.array(z.string()).optional(),
};

/** Of a property the engine would print the value first, and all entries in Go's notation. */
const whole = "";

/** The declared limits against the live server. Every role depends on it: over the ceiling nothing is touched. */
export function connectionBudget(server: Server): Reconciler<typeof shape> {
  let lastTable = "";
  return {
    description: "The declared connection budget, checked against the live server and every login role there.",
    shape,
    identity: [],
    advisory: ["databases"],
    observed: ["undeclared", "unlimited"],
    id: () => "connection-budget",

    async plan({ ceiling, entries, enforced = [], databases = [] }, olds) {
      const adminDatabase = server.address.database;
      const { live, hazards } = await server.anySession(async (db) => ({
        live: await readLiveBudget(db),
        hazards: await warningsOf(db, { databases, adminDatabase }, serverHazards),
      }));
      lastTable = table(entries, live);
      const total = totalOf(entries);
      const slots = ordinarySlots(live.slots);
      const failures = [];
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
      const leaving = olds?.entries.filter(({ source }) => source === "declared") ?? [];
      return {
        changes: {},
        observed: {
          undeclared: undeclared([...entries, ...leaving], live.roles),
          unlimited: unlimited(entries, live.roles, enforced),
        },
        failures,
        warnings: [...warnings, ...hazards],
      };
    },

    summarize: ({ ceiling, entries }) => `${totalOf(entries)} of ${ceiling} connections\n${lastTable}`,
    // On refresh the official plugin fails too, without a word of what to do.
    reach: () => server.anySession(async () => undefined),
    apply: async () => undefined,
    remove: async () => undefined,
  };
}
