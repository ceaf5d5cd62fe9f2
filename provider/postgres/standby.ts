import type { Queryable } from "./connection.ts";

/** Whether the server is a standby, which no session can change (PostgreSQL documentation, "Hot Standby"). */
export async function isStandby(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby");
  return rows[0]?.standby === true;
}
