import { z } from "zod";
import { sessionsOf } from "../catalog/sessions.ts";
import type { Server } from "../connection.ts";
import type { Reconciler } from "./reconciler.ts";

const shape = {
  /** The roles that go, or go back, when the stack is destroyed. */
  roles: z.array(z.string().min(1)),
};

/** Sessions named in the refusal, of each role. */
const named = 5;

/**
 * Depends on all that the stack makes, so the engine deletes it first: it refuses while any role has sessions, before
 * anything of any role is touched.
 */
export function destroyGuard(server: Server): Reconciler<typeof shape> {
  return {
    description: "Refuses to be deleted, and so the stack to be destroyed, while one of its roles has sessions.",
    shape,
    identity: [],
    id: () => "destroy-guard",
    plan: async () => ({ changes: {} }),
    summarize: () => undefined,
    apply: async () => undefined,

    async remove({ roles }) {
      const inUse = await server.anySession((db) => sessionsOf(db, roles));
      if (inUse.length === 0) return;
      const lines = inUse.map(({ role, sessions }) => {
        const list = sessions.slice(0, named).map(({ pid, database, client, application }) => {
          return `pid ${pid} in ${database} from ${client} (${application})`;
        });
        const more = sessions.length > named ? [`and ${sessions.length - named} more`] : [];
        return `${role}: ${sessions.length} ${sessions.length === 1 ? "session" : "sessions"}: ${[...list, ...more].join(", ")}`;
      });
      throw new Error(
        "the roles of this stack are in use, so nothing was changed. Set their services to `connectAs: legacy`, run up, " +
          `restart them, then run destroy again. What is left after that: SELECT pg_terminate_backend(pid)\n  ${lines.join("\n  ")}`,
      );
    },
  };
}
