import type { Queryable } from "../postgres/connection.ts";

/** A session of a role. */
export interface RoleSession {
  /** Unique while the server runs. */
  id: string;
  /** Client address; undefined for a Unix socket. */
  address: string | undefined;
  /** Seconds since it began, by the server's clock. */
  age: number;
  /** Seconds for which it has been idle; undefined: it works, or only pg_read_all_stats may see. */
  idle: number | undefined;
}

/** The sessions of these roles in the database now. */
export async function readRoleSessions(db: Queryable, roles: string[], database: string): Promise<RoleSession[]> {
  const { rows } = await db.query<{ id: string; address: string | null; age: number; idle: number | null }>(
    `SELECT format('%s %s', pid, backend_start) AS id, host(client_addr) AS address,
            extract(epoch FROM clock_timestamp() - backend_start)::float8 AS age,
            CASE state WHEN 'idle' THEN extract(epoch FROM clock_timestamp() - state_change)::float8 END AS idle
     FROM pg_stat_activity WHERE usename = ANY ($1) AND datname = $2`,
    [roles, database],
  );
  return rows.map((row) => ({ ...row, address: row.address ?? undefined, idle: row.idle ?? undefined }));
}
