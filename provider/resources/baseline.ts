import { z } from "zod";
import { extend, readSnapshot, type Snapshot } from "../catalog/baseline.ts";
import { warningsOf } from "../catalog/hazards/hazard.ts";
import { databaseHazards } from "../catalog/hazards/index.ts";
import { splitName } from "../catalog/name.ts";
import { existingRoles as rolesThere } from "../catalog/roles.ts";
import { missingSchemas } from "../catalog/schemas.ts";
import type { Queryable, Server } from "../connection.ts";
import { planIn } from "../missing-database.ts";
import type { CheckFailure } from "../rpc/provider.ts";
import type { PropertyMap } from "../rpc/values.ts";
import type { Reconciler } from "./reconciler.ts";

const shape = {
  database: z.string(),
  schemas: z.array(z.string()),
  /** Object, or a pattern with `*` and `?`, to the role it stays with. */
  keepOwner: z.record(z.string(), z.string()).default({}),
  alsoOwn: z.array(z.string()).default([]),
  /** The roles this stack makes: they must not exist before. */
  roles: z.array(z.string()),
  /** Roles that are there already and are changed all the same. */
  existingRoles: z.array(z.string()).optional(),
  /** Users that services still log in as. */
  legacyUsers: z.array(z.string()).optional(),
};

/**
 * What was there before; see Snapshot. Every role depends on it, so that what the rest of the stack needs (schemas, roles
 * that keep an object, free role names) is refused here, before anything is touched. Create and delete change nothing.
 */
export function baseline(server: Server): Reconciler<typeof shape> {
  const summaries = new Map<string, string | undefined>();
  return {
    description:
      "What was there in a database before the stack changed anything: owners, privileges, settings, limits.",
    shape,
    identity: ["database"],
    advisory: ["legacyUsers"],
    observed: ["snapshot"],
    id: ({ database }) => database,

    plan: ({ database, schemas, keepOwner, alsoOwn, roles, existingRoles = [], legacyUsers = [] }, _olds, before) =>
      planIn(server, database, () =>
        server.session(database, async (db) => {
          const outside = alsoOwn.map((name) => splitName(name)?.schema ?? name);
          const now = await readSnapshot(db, database, { schemas, outside, roles, existingRoles });
          const recorded = before.snapshot as Snapshot | undefined;
          const snapshot = recorded ? extend(recorded, now) : now;
          const failures = [
            ...(await missingSchemas(db, database, schemas)),
            ...(await missingKeepers(db, keepOwner, roles)),
            ...foreignRoles(snapshot, roles),
          ];
          summaries.set(database, summaryOf(database, recorded, snapshot));
          const warnings = await warningsOf(db, { database, schemas, alsoOwn, roles, legacyUsers }, databaseHazards);
          return { changes: {}, observed: { snapshot: toProperties(snapshot) }, failures, warnings };
        }),
      ),

    summarize: ({ database }) => summaries.get(database),
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

function summaryOf(database: string, recorded: Snapshot | undefined, snapshot: Snapshot): string | undefined {
  const count = Object.keys(snapshot.owners).length - Object.keys(recorded?.owners ?? {}).length;
  const what = `owners and privileges of ${count} ${count === 1 ? "object" : "objects"}`;
  if (recorded && count === 0) return undefined;
  return recorded ? `${database}: ${what} that came since are recorded` : `${database}: ${what} are recorded first`;
}

/** Roles of the stack that were there before it. */
function foreignRoles(snapshot: Snapshot, roles: string[]): CheckFailure[] {
  return roles.flatMap((role, index) =>
    snapshot.roles[role]
      ? [
          {
            property: `roles[${index}]`,
            reason:
              `role ${role} exists on the server already and was not made by this stack. ` +
              "Give the role in app-roles:roles another name, or drop the one there if nothing uses it (taking it over, `adopt`, is not supported yet)",
          },
        ]
      : [],
  );
}

async function missingKeepers(
  db: Queryable,
  keepOwner: Record<string, string>,
  roles: string[],
): Promise<CheckFailure[]> {
  const there = await rolesThere(db, Object.values(keepOwner));
  return Object.entries(keepOwner).flatMap(([name, role]) =>
    roles.includes(role) || there.has(role)
      ? []
      : [{ property: "keepOwner", reason: `${name} cannot stay with ${role}: there is no such role` }],
  );
}

function toProperties(snapshot: Snapshot): PropertyMap {
  return JSON.parse(JSON.stringify(snapshot)) as PropertyMap;
}
