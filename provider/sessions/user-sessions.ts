import type { Queryable } from "../postgres/connection.ts";

/** The sessions of one program from one place that a user has at a moment. */
export interface UserSessions {
  /** `unnamed` when it gives no name. */
  application: string;
  /** Client address; `local` for a Unix socket. */
  address: string;
  /** In order of their names; a replication connection may have none. */
  databases: string[];
  sessions: number;
}

/** Who is logged in as the user now, other than this session; replication connections too. */
export async function readUserSessions(db: Queryable, user: string): Promise<UserSessions[]> {
  const { rows } = await db.query<UserSessions>(
    `SELECT coalesce(nullif(application_name, ''), 'unnamed') AS application, coalesce(host(client_addr), 'local') AS address,
            coalesce(array_agg(DISTINCT datname::text ORDER BY datname::text) FILTER (WHERE datname IS NOT NULL), '{}') AS databases,
            count(*)::int AS sessions
     FROM pg_stat_activity
     WHERE usename = $1 AND pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')
     GROUP BY 1, 2 ORDER BY 1, 2`,
    [user],
  );
  return rows;
}
