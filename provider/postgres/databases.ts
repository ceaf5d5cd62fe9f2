import type { Changes, Plan } from "../reconciler.ts";
import type { CheckFailure } from "../rpc/provider.ts";
import { ConnectionError, type Queryable, type Server } from "./connection.ts";

/** The server's databases, sorted, `with` or `without` templates. */
export async function databaseNames(db: Queryable, templates: "with" | "without" = "without"): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE $1 OR NOT datistemplate ORDER BY 1",
    [templates === "with"],
  );
  return rows.map(({ name }) => name);
}

export function isMissingDatabase(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === "3D000";
}

/** The failure for a database that does not exist, with the existing ones; empty if it exists. */
export async function missingDatabase(db: Queryable, database: string): Promise<CheckFailure[]> {
  const existing = await databaseNames(db);
  if (existing.includes(database)) return [];
  return [{ property: "database", reason: `the server has no database ${database}; it has ${existing.join(", ")}` }];
}

/** Plans in a database; fails the plan if the database does not exist. */
export async function planIn(server: Server, database: string, plan: () => Promise<Plan>): Promise<Plan> {
  try {
    return await plan();
  } catch (error) {
    if (!isMissingDatabase(error)) throw error;
    return { changes: {}, failures: await server.session(undefined, (db) => missingDatabase(db, database)) };
  }
}

/** Finds the drift in a database; a dropped database is itself the drift. */
export async function driftIn(database: string, drift: () => Promise<Changes>): Promise<Changes> {
  try {
    return await drift();
  } catch (error) {
    if (!isMissingDatabase(error)) throw error;
    return { [`database ${database}`]: "was dropped" };
  }
}

/** Whether the server is a standby, which accepts no changes (PostgreSQL documentation, "Hot Standby"). */
export async function isStandby(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby");
  return rows[0]?.standby === true;
}
