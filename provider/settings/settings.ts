import type { Queryable } from "../postgres/connection.ts";
import { isSuperuser } from "../postgres/roles.ts";

/** The definition of a setting on the server (pg_settings). */
export interface SettingRule {
  /** In the spelling of Postgres: `TimeZone`. */
  name: string;
  vartype: "bool" | "integer" | "real" | "enum" | "string";
  /** Unit of a number without a unit: `ms`, `kB`, `8kB`, ...; null: a plain number. */
  unit: string | null;
  min: string | null;
  max: string | null;
  values: string[] | null;
  /** Only settings of the contexts `user` and `superuser` can be set for a role. */
  context: string;
}

/** One setting of a role, in all databases or in one. */
export interface RoleSetting {
  /** Empty: in all databases. */
  database: string;
  name: string;
  value: string;
}

/** Caches the server's rules, which do not change while it runs. */
export class SettingRules {
  private readonly known = new Map<string, SettingRule | undefined>();

  /** The rules by name in lower case, since Postgres ignores the case; settings that the server does not know are absent. */
  async read(db: Queryable, settings: { name: string }[]): Promise<Map<string, SettingRule>> {
    const wanted = [...new Set(settings.map(({ name }) => name.toLowerCase()))];
    const missing = wanted.filter((name) => !this.known.has(name));
    if (missing.length > 0) {
      const { rows } = await db.query<SettingRule>(
        `SELECT name, vartype, unit, min_val AS min, max_val AS max, enumvals AS values, context
         FROM pg_settings WHERE lower(name) = ANY ($1::text[])`,
        [missing],
      );
      for (const name of missing) this.known.set(name, undefined);
      for (const rule of rows) this.known.set(rule.name.toLowerCase(), rule);
    }
    return new Map(
      wanted.flatMap((name) => {
        const rule = this.known.get(name);
        return rule ? [[name, rule]] : [];
      }),
    );
  }
}

/**
 * Whether the session's user can set a superuser setting, also for a role: as a superuser, or since PostgreSQL 15 with the
 * privilege SET on it.
 */
export async function canSetParameter(db: Queryable, name: string): Promise<boolean> {
  if (await isSuperuser(db)) return true;
  const { rows: known } = await db.query(
    "SELECT FROM pg_proc WHERE proname = 'has_parameter_privilege' AND pronamespace = 'pg_catalog'::regnamespace",
  );
  if (known.length === 0) return false;
  const { rows } = await db.query<{ may: boolean }>("SELECT has_parameter_privilege($1, 'SET') AS may", [name]);
  return rows[0]?.may ?? false;
}

/** Reads all settings of the role; none when it does not exist. */
export async function readRoleSettings(db: Queryable, role: string): Promise<RoleSetting[]> {
  const { rows } = await db.query<{ database: string; config: string[] }>(
    `SELECT coalesce(d.datname, '') AS database, s.setconfig AS config
     FROM pg_db_role_setting s
     JOIN pg_roles r ON r.oid = s.setrole
     LEFT JOIN pg_database d ON d.oid = s.setdatabase
     WHERE r.rolname = $1
     ORDER BY 1`,
    [role],
  );
  return rows.flatMap(({ database, config }) => parseSettings(database, config));
}

/** Parses `name=value` entries (pg_db_role_setting.setconfig). */
export function parseSettings(database: string, config: string[]): RoleSetting[] {
  return config.map((entry) => {
    const end = entry.indexOf("=");
    return { database, name: entry.slice(0, end), value: entry.slice(end + 1) };
  });
}

/** Settings whose value names an object of the database, which need not be the one of this session. */
const objectNames = new Set([
  "default_table_access_method",
  "default_tablespace",
  "default_text_search_config",
  "search_path",
  "temp_tablespaces",
]);

/**
 * Tries a text value in a transaction of this session, which is rolled back. Returns the error of Postgres, such as `invalid value
 * for parameter "TimeZone": "Mars"`; undefined when it accepts the value. Not for numbers: a timeout could end this session.
 */
export async function trySetting(db: Queryable, name: string, value: string): Promise<string | undefined> {
  if (objectNames.has(name.toLowerCase())) return undefined;
  await db.query("BEGIN");
  try {
    await db.query("SELECT set_config($1, $2, true)", [name, value]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await db.query("ROLLBACK");
  }
}
