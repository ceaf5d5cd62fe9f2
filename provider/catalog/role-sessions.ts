import type { Queryable } from "../connection.ts";

/** A session of a role. */
export interface RoleSession {
  /** Client address; undefined for a Unix socket. */
  address: string | undefined;
  /** Seconds since it began, by the server's clock. */
  age: number;
}

/** The sessions of these roles in the database now. */
export async function readRoleSessions(db: Queryable, roles: string[], database: string): Promise<RoleSession[]> {
  const { rows } = await db.query<{ address: string | null; age: number }>(
    `SELECT host(client_addr) AS address, extract(epoch FROM clock_timestamp() - backend_start)::float8 AS age
     FROM pg_stat_activity WHERE usename = ANY ($1) AND datname = $2`,
    [roles, database],
  );
  return rows.map(({ address, age }) => ({ address: address ?? undefined, age }));
}
