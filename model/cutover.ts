import type { Database, Service } from "./stack.ts";

/**
 * Why a service cannot log in as its role, now or after its cutover, and the key to change; undefined if it can. `migrates` may
 * be unconfirmed while the service is on `legacy`. `database`: the service's, if known.
 */
export function cutoverProblem(
  service: Pick<Service, "connectAs" | "migrates" | "role" | "database">,
  database: Partial<Pick<Database, "owner">> | undefined,
): { key: "connectAs" | "role"; message: string } | undefined {
  const { connectAs, migrates, role } = service;
  if (migrates === "unconfirmed") {
    if (connectAs === "legacy") return undefined;
    const message =
      "stays legacy until it is known whether the service migrates; find out, then set migrates to true or false";
    return { key: "connectAs", message };
  }
  if (!migrates || !database || database.owner === role) return undefined;
  const owner = database.owner ?? `${service.database} has none yet, declare one with the database`;
  return {
    key: "role",
    message: `the service migrates, so it must log in as the owner of what it alters: ${owner}; found ${role}`,
  };
}
