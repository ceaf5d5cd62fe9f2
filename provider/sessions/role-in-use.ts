import type { Queryable } from "../postgres/connection.ts";

/**
 * Rows `a` of pg_stat_activity that take one of the server's slots for clients. Without pg_read_all_stats an admin does not
 * see what kind another role's process is; then parallel workers count too.
 */
export const isClient =
  "(a.backend_type = 'client backend' OR a.backend_type IS NULL AND a.usesysid IS NOT NULL AND a.datid IS NOT NULL)";

/**
 * Throws, naming them, while the role has sessions (in `database`, when it is given): taking something from it now would
 * break them.
 */
export async function refuseWhileInUse(db: Queryable, role: string, doing: string, database?: string): Promise<void> {
  const { rows } = await db.query<{ application: string; count: number }>(
    `SELECT coalesce(nullif(application_name, ''), 'unnamed') AS application, count(*)::int AS count
     FROM pg_stat_activity WHERE usename = $1 AND ($2::text IS NULL OR datname = $2) GROUP BY 1 ORDER BY 2 DESC, 1`,
    [role, database ?? null],
  );
  if (rows.length === 0) return;
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  const list = rows.map(({ application, count }) => `${application} ${count}`).join(", ");
  throw new Error(
    `cannot ${doing}: role ${role} has ${total} ${total === 1 ? "session" : "sessions"} (${list}). ` +
      "Nothing of this role was changed. Set its services to `connectAs: legacy`, run up, restart them, then run this again.",
  );
}

export interface RoleSessions {
  role: string;
  sessions: {
    pid: number;
    database: string;
    /** Address, `a Unix socket`, or that the admin may not see it. */
    client: string;
    application: string;
  }[];
}

/** Those of the roles that have sessions, by name, each with its own oldest first. */
export async function sessionsOf(db: Queryable, roles: string[]): Promise<RoleSessions[]> {
  const { rows } = await db.query<RoleSessions>(
    `SELECT usename AS role, json_agg(json_build_object(
       'pid', pid, 'database', coalesce(datname, 'no database'),
       'client', coalesce(host(client_addr),
                          CASE WHEN backend_start IS NULL THEN 'an address that only pg_read_all_stats sees' ELSE 'a Unix socket' END),
       'application', coalesce(nullif(application_name, ''), 'unnamed')) ORDER BY backend_start, pid) AS sessions
     FROM pg_stat_activity WHERE usename = ANY($1) GROUP BY usename ORDER BY usename`,
    [roles],
  );
  return rows;
}
