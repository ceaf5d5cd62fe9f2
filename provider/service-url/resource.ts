import { codeOf, login, type Server } from "../postgres/connection.ts";
import type { Reconciler } from "../reconciler.ts";
import { serviceUrlContract } from "./contract.ts";

/**
 * The DATABASE_URL in force for a service. A role's URL is passed on only after a login as that role has succeeded;
 * the legacy URL is passed on without a word to the server, so that the way back works with Postgres down or full.
 */
export function serviceUrl(server: Server): Reconciler<typeof serviceUrlContract> {
  return {
    contract: serviceUrlContract,
    identity: ["service"],
    advisory: ["isDeployed"],
    id: ({ service }) => service,
    plan: async () => ({ changes: {} }),
    summarize: ({ service, connectAs, role }) =>
      connectAs === "role" ? `${service}: connects as ${role}` : `${service}: connects with its legacy URL`,

    async apply({ service, database, connectAs, role, login: user = role, password, isDeployed }, olds) {
      const next = isDeployed ? "" : "; restart it with the new output";
      if (connectAs === "legacy") {
        return olds?.connectAs === "role" ? `${service}: back on its legacy URL${next}` : undefined;
      }
      if (typeof password !== "string" || typeof user !== "string")
        throw new Error(`${service}: no password for role ${role} to try the login with`);
      await server.withoutConnection(async () => {
        try {
          const client = await login({ ...server.address, user, password }, database, "app-roles");
          await client.end();
        } catch (error) {
          // Only a login whose password was right is told that the role's own limit is reached.
          if (codeOf(error) === "53300" && String(error).includes("too many connections for role")) return;
          const said = error instanceof Error ? error.message : String(error);
          throw new Error(`${service} keeps its URL, because a login as its new role failed: ${said}`);
        }
      });
      return `${service}: login as ${user} works${next}`;
    },

    remove: async () => undefined,
  };
}
