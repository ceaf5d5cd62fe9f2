import { escapeIdentifier } from "pg";
import type { Queryable } from "../postgres/connection.ts";
import { parseSettings } from "../settings/settings.ts";
import type { RehearsalGoal } from "./goal.ts";

/** Settings that the rehearsal itself depends on. */
const reserved = new Set([
  "deadlock_timeout",
  "idle_in_transaction_session_timeout",
  "idle_session_timeout",
  "lc_messages",
  "lock_timeout",
  "log_min_messages",
  "role",
  "session_authorization",
  "statement_timeout",
  "transaction_timeout",
]);

/** The roles of a rehearsal. */
export interface RehearsedRoles {
  /** Statements that create the missing roles and make none a superuser, as the up does. */
  statements: string[];
  /** Role to the settings that its sessions would start with, for `set_config`. */
  settings: Map<string, [name: string, value: string][]>;
}

/** Reads the roles and their settings: those on the server, overridden by the declared ones. */
export async function readRoles(db: Queryable, goal: RehearsalGoal): Promise<RehearsedRoles> {
  const settings = new Map<string, [string, string][]>();
  const searchPath = await defaultSearchPath(db);
  for (const { role, settings: declared } of goal.roles) {
    const all = new Map([
      ["search_path", searchPath],
      ...(await settingsOnLogin(db, role)),
      ...Object.entries(declared).map(([name, value]): [string, string] => [name.toLowerCase(), value]),
    ]);
    settings.set(role, [...all].filter(([name]) => !reserved.has(name)).map(asInSession));
  }
  return { statements: await roleStatements(db, goal), settings };
}

async function roleStatements(db: Queryable, { roles }: RehearsalGoal): Promise<string[]> {
  const { rows } = await db.query<{ name: string; privileged: boolean }>(
    "SELECT rolname AS name, rolsuper OR rolbypassrls AS privileged FROM pg_roles WHERE rolname = ANY ($1::text[])",
    [roles.map(({ role }) => role)],
  );
  const existing = new Map(rows.map(({ name, privileged }) => [name, privileged]));
  return roles.flatMap(({ role }) => {
    const privileged = existing.get(role);
    if (privileged === undefined) return [`CREATE ROLE ${escapeIdentifier(role)} NOLOGIN`];
    return privileged ? [`ALTER ROLE ${escapeIdentifier(role)} NOSUPERUSER NOBYPASSRLS`] : [];
  });
}

/** A default applies to new transactions only, and this one has already begun. */
function asInSession([name, value]: [string, string]): [string, string] {
  return name === "default_transaction_read_only" ? ["transaction_read_only", value] : [name, value];
}

/** Settings that the server applies to a session of the role in this database, in order of precedence. */
async function settingsOnLogin(db: Queryable, role: string): Promise<[string, string][]> {
  const { rows } = await db.query<{ config: string[] }>(
    `SELECT setconfig AS config FROM pg_db_role_setting
     WHERE (setrole = 0 OR setrole = (SELECT oid FROM pg_roles WHERE rolname = $1))
       AND (setdatabase = 0 OR setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
     ORDER BY setrole <> 0, setdatabase <> 0`,
    [role],
  );
  return rows.flatMap(({ config }) => parseSettings("", config)).map(({ name, value }) => [name.toLowerCase(), value]);
}

/** The server's default, from the admin's session unless it is set for the admin or this database. */
async function defaultSearchPath(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ path: string }>(
    `SELECT CASE WHEN EXISTS (
              SELECT FROM pg_db_role_setting, unnest(setconfig) entry
              WHERE entry LIKE 'search_path=%' AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
                AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            ) THEN boot_val ELSE reset_val END AS path
     FROM pg_settings WHERE name = 'search_path'`,
  );
  return rows[0]?.path as string;
}
