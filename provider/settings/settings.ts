import type { Queryable } from "../postgres/connection.ts";
import { isSuperuser } from "../postgres/roles.ts";

/** What the server says about a setting (pg_settings). */
export interface SettingRule {
  /** As Postgres spells it: `TimeZone`. */
  name: string;
  vartype: "bool" | "integer" | "real" | "enum" | "string";
  /** The unit of a number without one: `ms`, `kB`, `8kB`, ...; null: a plain number. */
  unit: string | null;
  min: string | null;
  max: string | null;
  values: string[] | null;
  /** Who may set it, and when: `user` and `superuser` can be set for a role, all others cannot. */
  context: string;
}

/** One setting of a role, for its sessions everywhere or in one database. */
export interface RoleSetting {
  /** Empty: in all databases. */
  database: string;
  name: string;
  value: string;
}

/** The server's rules, each asked for once: they stay as they are while the server runs. */
export class SettingRules {
  private readonly known = new Map<string, SettingRule | undefined>();

  /** The rules of those of `names` the server knows, by name in lower case: Postgres does not tell case apart here. */
  async read(db: Queryable, names: string[]): Promise<Map<string, SettingRule>> {
    const wanted = [...new Set(names.map((name) => name.toLowerCase()))];
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
 * Whether the session's user may set, for a role too, what not everybody may: a superuser, and since PostgreSQL 15 who has
 * been granted SET on it.
 */
export async function maySetParameter(db: Queryable, name: string): Promise<boolean> {
  if (await isSuperuser(db)) return true;
  const { rows: known } = await db.query(
    "SELECT FROM pg_proc WHERE proname = 'has_parameter_privilege' AND pronamespace = 'pg_catalog'::regnamespace",
  );
  if (known.length === 0) return false;
  const { rows } = await db.query<{ may: boolean }>("SELECT has_parameter_privilege($1, 'SET') AS may", [name]);
  return rows[0]?.may ?? false;
}

/** All that is set for the role; nothing for one that does not exist. */
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

/** Takes `name=value` entries (pg_db_role_setting.setconfig) apart. */
export function parseSettings(database: string, config: string[]): RoleSetting[] {
  return config.map((entry) => {
    const end = entry.indexOf("=");
    return { database, name: entry.slice(0, end), value: entry.slice(end + 1) };
  });
}

/** Settings whose value is looked up in a database's catalog, which is not the one we are connected to. */
const lookedUp = new Set([
  "default_table_access_method",
  "default_tablespace",
  "default_text_search_config",
  "search_path",
  "temp_tablespaces",
]);

/**
 * What Postgres itself says against a text value (`invalid value for parameter "TimeZone": "Mars"`), undefined when it
 * takes it. It is tried on our own session in a transaction that is rolled back, so it takes no lock and nobody sees it.
 * Only for texts: a number could be a timeout that ends this very session.
 */
export async function askServer(db: Queryable, name: string, value: string): Promise<string | undefined> {
  if (lookedUp.has(name.toLowerCase())) return undefined;
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
