import { z } from "zod";
import { extend, readSnapshot, type Snapshot } from "../catalog/baseline.ts";
import { splitName } from "../catalog/name.ts";
import type { Server } from "../connection.ts";
import type { PropertyMap } from "../rpc/values.ts";
import type { Reconciler } from "./reconciler.ts";

const shape = {
  database: z.string(),
  schemas: z.array(z.string()),
  alsoOwn: z.array(z.string()).default([]),
  /** The roles this stack makes: they must not exist before. */
  roles: z.array(z.string()),
};

/** What was there before; see Snapshot. Create and delete touch nothing on the server. */
export function baseline(server: Server): Reconciler<typeof shape> {
  return {
    description:
      "What was there in a database before the stack changed anything: owners, privileges, settings, limits.",
    shape,
    identity: ["database"],
    observed: ["snapshot"],
    id: ({ database }) => database,

    async plan({ database, schemas, alsoOwn, roles }, _olds, before) {
      const outside = alsoOwn.map((name) => splitName(name)?.schema ?? name);
      const now = await server.session(database, (db) => readSnapshot(db, database, { schemas, outside, roles }));
      const recorded = before.snapshot as Snapshot | undefined;
      const snapshot = recorded ? extend(recorded, now) : now;
      const failures = Object.entries(snapshot.roles)
        .filter(([role, record]) => record !== null && roles.includes(role))
        .map(([role]) => ({
          property: `roles[${roles.indexOf(role)}]`,
          reason:
            `role ${role} exists on the server already and was not made by this stack. ` +
            "Give the role in app-roles:roles another name, or drop the one there if nothing uses it (taking it over, `adopt`, is not supported yet)",
        }));
      return { changes: {}, observed: { snapshot: toProperties(snapshot) }, failures };
    },

    summarize: ({ database }) => `${database}: owners, privileges and settings of today are recorded first`,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

function toProperties(snapshot: Snapshot): PropertyMap {
  return JSON.parse(JSON.stringify(snapshot)) as PropertyMap;
}
