import { databaseNames } from "./catalog/databases.ts";
import { ConnectionError, type Server } from "./connection.ts";
import type { Plan } from "./resources/reconciler.ts";

export function isMissingDatabase(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === "3D000";
}

/** Plans in a database; one that is not there is refused, naming the ones that are. */
export async function planIn(server: Server, database: string, plan: () => Promise<Plan>): Promise<Plan> {
  try {
    return await plan();
  } catch (error) {
    if (!isMissingDatabase(error)) throw error;
    const there = await server.session(undefined, databaseNames);
    const reason = `the server has no database ${database}; it has ${there.join(", ")}`;
    return { changes: {}, failures: [{ property: "database", reason }] };
  }
}
