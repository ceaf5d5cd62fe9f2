import type { Queryable } from "../postgres/connection.ts";
import type { CheckFailure } from "../rpc/provider.ts";
import { nameOf } from "./plan.ts";
import { canSetParameter, type RoleSetting, type SettingRule, trySetting } from "./settings.ts";
import { parseSetting } from "./values.ts";

/** A declared setting with its path among the inputs. */
export interface DeclaredSetting extends RoleSetting {
  path: string;
}

/** Settings that the server would refuse or ignore; `refuse` is called first. Takes no lock and changes nothing. */
export async function settingProblems(
  db: Queryable,
  wanted: DeclaredSetting[],
  rules: Map<string, SettingRule>,
  refuse: (setting: RoleSetting) => string | undefined,
): Promise<CheckFailure[]> {
  const failures: CheckFailure[] = [];
  const seen = new Map<string, string>();
  for (const setting of wanted) {
    const key = nameOf({ ...setting, name: setting.name.toLowerCase() });
    const twin = seen.get(key);
    seen.set(key, setting.name);
    const reason =
      twin === undefined
        ? (refuse(setting) ?? (await problemOf(db, setting, rules.get(setting.name.toLowerCase()))))
        : `it is the same setting as ${twin}: Postgres ignores the case of setting names`;
    if (reason !== undefined) failures.push({ property: setting.path, reason });
  }
  return failures;
}

async function problemOf(
  db: Queryable,
  { name, value }: RoleSetting,
  rule: SettingRule | undefined,
): Promise<string | undefined> {
  if (!rule) {
    // A name with a dot can belong to an extension that this session has not loaded.
    if (!name.includes(".")) return `the server has no setting ${name}; see pg_settings for its settings`;
    return (await superuserProblem(db, name)) ?? trySetting(db, name, value);
  }
  if (rule.context !== "user" && rule.context !== "superuser") {
    return `${name} cannot be set for a role: ${whereToSet(rule.context)}`;
  }
  const refused = rule.context === "superuser" ? await superuserProblem(db, name) : undefined;
  if (refused !== undefined) return refused;
  const parsed = parseSetting(name, rule, value);
  if ("problem" in parsed) return `${name}: ${parsed.problem}`;
  return rule.vartype === "string" ? trySetting(db, name, value) : undefined;
}

/** PostgreSQL documentation, "ALTER ROLE": for superuser settings, and for settings of modules that are not loaded. */
async function superuserProblem(db: Queryable, name: string): Promise<string | undefined> {
  if (await canSetParameter(db, name)) return undefined;
  return `only a superuser can set ${name} for a role, and the admin is not one: remove it, connect as a superuser (app-roles:server.admin), or, with PostgreSQL 15 or later, run GRANT SET ON PARAMETER ${name} TO the admin as a superuser`;
}

/** PostgreSQL documentation, "pg_settings", column context. */
function whereToSet(context: string): string {
  switch (context) {
    case "internal":
      return "it only reports how the server was built";
    case "postmaster":
      return "it applies to the whole server and needs a restart (ALTER SYSTEM or postgresql.conf)";
    case "sighup":
      return "it applies to the whole server (ALTER SYSTEM or postgresql.conf, then a reload)";
    default:
      return "it is fixed when a session starts (ALTER SYSTEM, postgresql.conf or the client's options)";
  }
}
