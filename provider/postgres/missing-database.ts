import type { Changes, Plan } from "../reconciler.ts";
import type { CheckFailure } from "../rpc/provider.ts";
import { ConnectionError, type Queryable, type Server } from "./connection.ts";
import { databaseNames } from "./databases.ts";

export function isMissingDatabase(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === "3D000";
}

/** Why a database that is not there is refused, naming the ones that are; empty when it is there. */
export async function missingDatabase(db: Queryable, database: string): Promise<CheckFailure[]> {
  const there = await databaseNames(db);
  if (there.includes(database)) return [];
  return [{ property: "database", reason: `the server has no database ${database}; it has ${there.join(", ")}` }];
}

/** Plans in a database; one that is not there is refused. */
export async function planIn(server: Server, database: string, plan: () => Promise<Plan>): Promise<Plan> {
  try {
    return await plan();
  } catch (error) {
    if (!isMissingDatabase(error)) throw error;
    return { changes: {}, failures: await server.session(undefined, (db) => missingDatabase(db, database)) };
  }
}

/** Finds the drift in a database; one that was dropped is itself what differs. */
export async function driftIn(database: string, drift: () => Promise<Changes>): Promise<Changes> {
  try {
    return await drift();
  } catch (error) {
    if (!isMissingDatabase(error)) throw error;
    return { [`database ${database}`]: "was dropped" };
  }
}
