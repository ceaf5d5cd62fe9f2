import type { Queryable, Server } from "../../postgres/connection.ts";
import type { Reconciler } from "../../reconciler.ts";
import type { PropertyMap } from "../../rpc/values.ts";
import { loginTurnContract } from "./contract.ts";

/**
 * The login role in force (`inForce`) of a role's two, and the previous one (`former`, empty until the first rotation). A role
 * that services logged in as before it had login roles keeps LOGIN (`keepsLogin`) until the first rotation, so that services can be moved one by one.
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
        `${role} can still log in itself, with its password from before the login roles ${first} and ${second}; ` +
        `npx app-roles rotate ${role} ends that once its services use ${inForce}`;
      return {
        changes: {},
        observed: { turn, inForce, former: turn > 0 ? other : "", keepsLogin },
        warnings: keepsLogin ? [warning] : [],
      };
    },

    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

/** Read from the server once, when the role gets its login roles. */
async function keptLogin(server: Server, role: string, before: PropertyMap): Promise<boolean> {
  if (typeof before.keepsLogin === "boolean") return before.keepsLogin;
  return server.anySession((db) => canLogIn(db, role));
}

async function canLogIn(db: Queryable, role: string): Promise<boolean> {
  const { rows } = await db.query("SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin", [role]);
  return rows.length > 0;
}
