import { codeOf, login, type Server } from "../postgres/connection.ts";
import type { Reconciler } from "../reconciler.ts";
import { serviceUrlContract } from "./contract.ts";

/**
 * The current DATABASE_URL of a service. The URL of a role is used only after a login as that role has succeeded; the legacy URL
 * needs no session, so that a rollback works while Postgres is down or has no free slot.
 */
export function serviceUrl(server: Server): Reconciler<typeof serviceUrlContract> {
  return {
    contract: serviceUrlContract,
    identity: ["service"],
    advisory: ["isDeployed"],
    id: ({ service }) => service,
    plan: async () => ({ changes: {} }),
    summarize({ service, connectAs, role }, _changes, previous) {
      if (connectAs === "role") return `${service}: connects as ${role}`;
      return previous && `${service}: connects with its legacy URL`;
    },

    async apply({ service, database, connectAs, role, login: user = role, password, isDeployed }, previous) {
      const next = isDeployed ? "" : "; restart it with the new output";
      if (connectAs === "legacy") {
        return previous?.connectAs === "role" ? `${service}: rolled back to its legacy URL${next}` : undefined;
      }
      if (typeof password !== "string" || typeof user !== "string")
        throw new Error(`${service}: no password of role ${role} for a test login`);
      await server.withoutConnection(async () => {
        try {
          const client = await login({ ...server.address, user, password }, database, "app-roles");
          await client.end();
        } catch (error) {
          // Postgres reports the role's limit only after it has accepted the password.
          if (codeOf(error) === "53300" && String(error).includes("too many connections for role")) return;
          const message = error instanceof Error ? error.message : String(error);
          throw new Error(`${service} keeps its URL, because a login as its role failed: ${message}`);
        }
      });
      return `${service}: login as ${user} succeeded${next}`;
    },

    remove: async () => undefined,
  };
}
