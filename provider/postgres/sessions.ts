import { milliseconds } from "../../model/duration.ts";
import type { Queryable } from "./connection.ts";

/**
 * Rows `a` of pg_stat_activity that use one of the server's connection slots. Without pg_read_all_stats an admin does not see the
 * kind of other roles' processes, so parallel workers count, too.
 */
export const isClient =
  "(a.backend_type = 'client backend' OR a.backend_type IS NULL AND a.usesysid IS NOT NULL AND a.datid IS NOT NULL)";

/**
 * Throws while the role has sessions (in `database`, if given) and names them: a revoke or drop would break them.
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
      "Nothing was changed for this role. Set its services to `connectAs: legacy`, run up, restart them, then run this again.",
  );
}

export interface RoleSessions {
  role: string;
  sessions: {
    pid: number;
    database: string;
    /** Address, `a Unix socket`, or a note that the admin cannot see it. */
    client: string;
    application: string;
  }[];
}

/** Roles that have sessions, by name, with the oldest session first. */
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

/** A session of a role. */
export interface RoleSession {
  /** Unique while the server runs. */
  id: string;
  /** Client address; undefined for a Unix socket. */
  address: string | undefined;
  /** Seconds since its start, by the server's clock. */
  age: number;
  /** Seconds for which it has been idle; undefined: it is active, or only pg_read_all_stats can see it. */
  idle: number | undefined;
}

/** The present sessions of these roles in the database. */
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

/** A user's sessions from one application at one address. */
export interface UserSessions {
  /** `unnamed` without an application_name. */
  application: string;
  /** Client address; `local` for a Unix socket. */
  address: string;
  /** Sorted; a replication connection can have none. */
  databases: string[];
  sessions: number;
}

/** The user's present sessions, including replication connections and without this session. */
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

/**
 * idle_session_timeout of the role in the database, in milliseconds; 0: none. The setting of the role in the database, else of the
 * role, of the database, or of the server.
 */
export async function readIdleTimeout(db: Queryable, role: string, database: string): Promise<number> {
  const { rows } = await db.query<{ value: string }>(
    `SELECT coalesce(
       (SELECT split_part(entry, '=', 2)
        FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) entry
        WHERE s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
          AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = $2))
          AND split_part(entry, '=', 1) = 'idle_session_timeout'
        ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1),
       -- This session has set its own value.
       (SELECT reset_val FROM pg_settings WHERE name = 'idle_session_timeout')) AS value`,
    [role, database],
  );
  return milliseconds(rows[0]?.value ?? "0") ?? 0;
}
