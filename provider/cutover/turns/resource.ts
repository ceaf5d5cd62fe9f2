import type { Queryable, Server } from "../../postgres/connection.ts";
import type { Reconciler } from "../../reconciler.ts";
import type { PropertyMap } from "../../rpc/values.ts";
import { loginTurnContract } from "./contract.ts";

/**
 * Which of a role's two login roles is in force (`inForce`), and which was before (`former`, empty until the first rotation). A role that services logged in
 * as themselves before it had two keeps its LOGIN (`keepsLogin`) until the first rotation, so that they can be moved one by one.
 */
export function loginTurn(server: Server): Reconciler<typeof loginTurnContract> {
  return {
    contract: loginTurnContract,
    identity: ["role"],
    advisory: ["rotate"],
    id: ({ role }) => role,

    async plan({ role, logins: [first, second], rotate = false }, _olds, before) {
      const turn = typeof before.turn === "number" ? before.turn + (rotate ? 1 : 0) : 0;
      const keepsLogin = rotate ? false : await keptLogin(server, role, before);
      const [inForce, other] = turn % 2 === 0 ? [first, second] : [second, first];
      const warning =
        `${role} may still log in itself, with the password it had before its login roles ${first} and ${second}, beside its ` +
        `share of the budget; npx app-roles rotate ${role} ends that, once its services are on ${inForce}`;
      return {
        changes: {},
        observed: { turn, inForce, former: turn > 0 ? other : "", keepsLogin },
        warnings: keepsLogin ? [warning] : [],
      };
    },

    summarize: ({ role }) => `${role}: its login roles take turns`,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

/** Asked of the server once: when the role gets its login roles. */
async function keptLogin(server: Server, role: string, before: PropertyMap): Promise<boolean> {
  if (typeof before.keepsLogin === "boolean") return before.keepsLogin;
  return server.anySession((db) => mayLogIn(db, role));
}

async function mayLogIn(db: Queryable, role: string): Promise<boolean> {
  const { rows } = await db.query("SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin", [role]);
  return rows.length > 0;
}
