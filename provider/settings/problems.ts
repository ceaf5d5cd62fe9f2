import type { Queryable } from "../postgres/connection.ts";
import type { CheckFailure } from "../rpc/provider.ts";
import { nameOf } from "./plan.ts";
import { askServer, maySetParameter, type RoleSetting, type SettingRule } from "./settings.ts";
import { parseSetting } from "./values.ts";

/** A declared setting with where it stands among the inputs. */
export interface DeclaredSetting extends RoleSetting {
  path: string;
}

/** What the server would refuse, or never do; `refuse` is asked first. Takes no lock and changes nothing. */
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
        : `it is the same setting as ${twin}: Postgres does not tell case apart here`;
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
    // Any name with a dot may be an extension's that this session has not loaded.
    if (!name.includes(".")) return `the server has no setting ${name}; see pg_settings for those it has`;
    return (await superuserProblem(db, name)) ?? askServer(db, name, value);
  }
  if (rule.context !== "user" && rule.context !== "superuser") {
    return `${name} cannot be set for a role: ${whereToSet(rule.context)}`;
  }
  const refused = rule.context === "superuser" ? await superuserProblem(db, name) : undefined;
  if (refused !== undefined) return refused;
  const parsed = parseSetting(name, rule, value);
  if ("problem" in parsed) return `${name}: ${parsed.problem}`;
  return rule.vartype === "string" ? askServer(db, name, value) : undefined;
}

/** PostgreSQL documentation, "ALTER ROLE": of a superuser's settings, and of those no module that is loaded knows. */
async function superuserProblem(db: Queryable, name: string): Promise<string | undefined> {
  if (await maySetParameter(db, name)) return undefined;
  return `${name} may be set for a role by a superuser alone, and the admin is none: take it out, connect as a superuser (app-roles:server.admin), or, with PostgreSQL 15 or later, have GRANT SET ON PARAMETER ${name} TO the admin`;
}

/** PostgreSQL documentation, "pg_settings", column context. */
function whereToSet(context: string): string {
  switch (context) {
    case "internal":
      return "it only reports how the server was built";
    case "postmaster":
      return "it holds for the whole server and needs a restart (ALTER SYSTEM or postgresql.conf)";
    case "sighup":
      return "it holds for the whole server (ALTER SYSTEM or postgresql.conf, then a reload)";
    default:
      return "it is fixed when a connection starts (ALTER SYSTEM, postgresql.conf or the client's options)";
  }
}
