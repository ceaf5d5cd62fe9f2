import { escapeIdentifier } from "pg";
import type { Queryable } from "../postgres/connection.ts";
import { parseSettings } from "../settings/settings.ts";
import type { RehearsalGoal } from "./goal.ts";

/** Settings that the rehearsal's own guards are made of. */
const ofTheGuards = new Set([
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
  /** Statements that make the roles what the up makes them: there, and no superusers. */
  statements: string[];
  /** Role to what its sessions would start with: `set_config` takes the pairs. */
  settings: Map<string, [name: string, value: string][]>;
}

/** Who is there, and with which settings: what the role has on the server, under what is declared. */
export async function readRoles(db: Queryable, goal: RehearsalGoal): Promise<RehearsedRoles> {
  const settings = new Map<string, [string, string][]>();
  const searchPath = await defaultSearchPath(db);
  for (const { role, settings: declared } of goal.roles) {
    const all = new Map([
      ["search_path", searchPath],
      ...(await settingsOnLogin(db, role)),
      ...Object.entries(declared).map(([name, value]): [string, string] => [name.toLowerCase(), value]),
    ]);
    settings.set(role, [...all].filter(([name]) => !ofTheGuards.has(name)).map(asInSession));
  }
  return { statements: await becoming(db, goal), settings };
}

async function becoming(db: Queryable, { roles }: RehearsalGoal): Promise<string[]> {
  const { rows } = await db.query<{ name: string; privileged: boolean }>(
    "SELECT rolname AS name, rolsuper OR rolbypassrls AS privileged FROM pg_roles WHERE rolname = ANY ($1::text[])",
    [roles.map(({ role }) => role)],
  );
  const there = new Map(rows.map(({ name, privileged }) => [name, privileged]));
  return roles.flatMap(({ role }) => {
    const privileged = there.get(role);
    if (privileged === undefined) return [`CREATE ROLE ${escapeIdentifier(role)} NOLOGIN`];
    return privileged ? [`ALTER ROLE ${escapeIdentifier(role)} NOSUPERUSER NOBYPASSRLS`] : [];
  });
}

/** A session's defaults hold for transactions that begin; ours has begun. */
function asInSession([name, value]: [string, string]): [string, string] {
  return name === "default_transaction_read_only" ? ["transaction_read_only", value] : [name, value];
}

/** What the server sets for a session of the role in this database, the one that wins last. */
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

/** The server's own; the admin's session says it, unless it was set for the admin or this database. */
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
