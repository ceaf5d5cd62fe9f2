import { type LiveBudget, readLiveBudget } from "../../provider/budget/live-budget.ts";
import type { Queryable } from "../../provider/postgres/connection.ts";

/** Facts about the whole server that a discovery depends on. */
export interface ServerFacts extends LiveBudget {
  /** `18.4`. */
  version: string;
  /** A hot standby replays its primary: it has other sessions and other statistics. */
  isStandby: boolean;
  user: string;
  isSuperuser: boolean;
  /** Whether it sees the sessions and statements of other roles: a superuser, or a member of pg_read_all_stats. */
  seesSessions: boolean;
  /** The bootstrap superuser. */
  admin: string;
  /** The server's own address; undefined for a Unix socket. */
  address: string | undefined;
  tracksActivities: boolean;
  /** log_line_prefix and log_timezone, with which a log is read. */
  linePrefix: string;
  logTimeZone: string;
  /** Whether the configuration logs every DDL statement (log_statement), and since when at the latest. */
  logsDdl: boolean;
  /** Whether it logs every statement. */
  logsAll: boolean;
  configuredAt: Date;
  /** track_activity_query_size: the bytes at which pg_stat_activity cuts a statement off. */
  querySize: number;
  /** All roles, login or not. */
  roleNames: string[];
  databaseNames: string[];
  /** Settings of roles (ALTER ROLE ... SET); an empty database means all databases. */
  roleSettings: { role: string; database: string; config: string[] }[];
}

export async function readServerFacts(db: Queryable): Promise<ServerFacts> {
  const { rows } = await db.query<
    Omit<ServerFacts, keyof LiveBudget | "roleNames" | "databaseNames" | "roleSettings" | "address"> & {
      address: string | null;
    }
  >(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, pg_is_in_recovery() AS "isStandby",
            me.rolname AS user, me.rolsuper AS "isSuperuser",
            me.rolsuper OR pg_has_role('pg_read_all_stats', 'USAGE') AS "seesSessions",
            (SELECT rolname FROM pg_roles WHERE oid = 10) AS admin, host(inet_server_addr()) AS address,
            current_setting('track_activities')::bool AS "tracksActivities",
            current_setting('log_line_prefix') AS "linePrefix", current_setting('log_timezone') AS "logTimeZone",
            (SELECT reset_val <> 'none' FROM pg_settings WHERE name = 'log_statement') AS "logsDdl",
            (SELECT reset_val = 'all' FROM pg_settings WHERE name = 'log_statement') AS "logsAll",
            (SELECT setting::int FROM pg_settings WHERE name = 'track_activity_query_size') AS "querySize",
            pg_conf_load_time() AS "configuredAt"
     FROM pg_roles me WHERE me.rolname = current_user`,
  );
  const [found] = rows;
  if (!found) throw new Error("the role of this session was dropped meanwhile");
  const roles = await db.query<{ name: string }>("SELECT rolname AS name FROM pg_roles ORDER BY 1");
  const databases = await db.query<{ name: string }>("SELECT datname AS name FROM pg_database ORDER BY 1");
  const settings = await db.query<ServerFacts["roleSettings"][number]>(
    `SELECT r.rolname AS role, coalesce(d.datname, '') AS database, s.setconfig AS config
     FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
     ORDER BY 1, 2`,
  );
  return {
    ...(await readLiveBudget(db)),
    ...found,
    address: found.address ?? undefined,
    roleNames: roles.rows.map(({ name }) => name),
    databaseNames: databases.rows.map(({ name }) => name),
    roleSettings: settings.rows,
  };
}
