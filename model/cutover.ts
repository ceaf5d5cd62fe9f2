import type { Database, Service } from "./stack.ts";

/**
 * Why a service may not log in as its role, now or once it is cut over, and the key to change; undefined when it may. Whether a
 * service migrates may be unknown as long as it stays on `legacy`. `database`: the service's, where it is known.
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
