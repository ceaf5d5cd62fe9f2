import type { Queryable } from "../postgres/connection.ts";
import { parseSettings, type RoleSetting, SettingRules } from "../settings/settings.ts";
import { parseSetting } from "../settings/values.ts";
import type { SettingsFacts } from "./facts.ts";
import type { Warning, WarningKind } from "./warning.ts";

/** Settings of the legacy user (ALTER ROLE ... SET) that services depend on today and that the role does not have. */
export const legacySettings: WarningKind<SettingsFacts> = {
  name: "settings of the legacy user that the role lacks",
  async find(db, facts, reads) {
    const live = await reads.once(db, readAllRoleSettings);
    const ofRole = live.get(facts.role) ?? [];
    return facts.legacyUsers.flatMap((user) =>
      (live.get(user) ?? [])
        .filter(({ database }) => database === "" || facts.usedIn.includes(database))
        .filter((setting) => !isSet(facts, ofRole, setting))
        .map((setting) => warning(facts.role, user, setting)),
    );
  },
};

/** With any value: a set value is a decision. */
function isSet(
  { settings, setElsewhere }: SettingsFacts,
  ofRole: RoleSetting[],
  { database, name }: RoleSetting,
): boolean {
  const wanted = name.toLowerCase();
  if (setElsewhere.some((one) => one.toLowerCase() === wanted)) return true;
  return [...settings, ...ofRole].some(
    (one) => one.name.toLowerCase() === wanted && (one.database === "" || one.database === database),
  );
}

function warning(role: string, user: string, { database, name, value }: RoleSetting): Warning {
  const place = database === "" ? "" : ` in ${database}`;
  // A setting with a dot belongs to an application or extension and can hold a secret.
  const shown = name.includes(".") ? "" : ` (${value})`;
  return {
    object: name,
    what: `set for ${user}${place}${shown} but not for ${role}${
      name === "search_path" ? ": a service that names tables without a schema does not find them" : ""
    }`,
    remedy: `app-roles:roles.${role}.settings.${name} (null leaves it unset)`,
  };
}

async function readAllRoleSettings(db: Queryable): Promise<Map<string, RoleSetting[]>> {
  const { rows } = await db.query<{ role: string; database: string; config: string[] }>(
    `SELECT r.rolname AS role, coalesce(d.datname, '') AS database, s.setconfig AS config
     FROM pg_db_role_setting s
     JOIN pg_roles r ON r.oid = s.setrole
     LEFT JOIN pg_database d ON d.oid = s.setdatabase
     ORDER BY 1, 2`,
  );
  const settings = new Map<string, RoleSetting[]>();
  for (const { role, database, config } of rows) {
    settings.set(role, [...(settings.get(role) ?? []), ...parseSettings(database, config)]);
  }
  return settings;
}

const timeout = "idle_session_timeout";

/**
 * Sessions of a legacy user that are idle on purpose, because they hold an advisory lock or listen, and that the role's
 * idle_session_timeout would end. No catalog shows which sessions LISTEN: those count whose last statement was LISTEN.
 */
export const idleSessions: WarningKind<SettingsFacts> = {
  name: "idle sessions that hold a lock or listen",
  async find(db, facts, reads) {
    const sessions = await reads.once(db, readIdleSessions);
    const rules = sessions.length > 0 ? await new SettingRules().read(db, [{ name: timeout }]) : new Map();
    return sessions
      .filter(({ user, database }) => facts.legacyUsers.includes(user) && facts.usedIn.includes(database))
      .flatMap(({ application, database, listens, idle }) => {
        const value = timeoutIn(facts, database);
        const parsed = value === undefined ? undefined : parseSetting(timeout, rules.get(timeout), value);
        if (!parsed || !("canonical" in parsed) || Number(parsed.canonical) === 0) return [];
        return [
          {
            object: `sessions of ${application} in ${database}`,
            what: `one ${listens ? "LISTENs" : "holds an advisory lock"} and is idle (for ${idle} so far); logged in as ${facts.role} it would be ended after ${value} (${timeout})`,
            remedy: `make it send a query more often than that, or raise app-roles:roles.${facts.role}.settings.${timeout}`,
          },
        ];
      });
  },
};

function timeoutIn({ settings }: SettingsFacts, database: string): string | undefined {
  const declared = settings.filter(({ name }) => name.toLowerCase() === timeout);
  return (declared.find((one) => one.database === database) ?? declared.find((one) => one.database === ""))?.value;
}

interface IdleSession {
  user: string;
  database: string;
  application: string;
  listens: boolean;
  /** Duration, as `00:12:30`. */
  idle: string;
}

async function readIdleSessions(db: Queryable): Promise<IdleSession[]> {
  const { rows } = await db.query<IdleSession>(
    `SELECT usename AS user, datname AS database, coalesce(nullif(application_name, ''), 'an unnamed application') AS application,
            query ~* '^\\s*listen\\s' AS listens, date_trunc('second', now() - state_change)::text AS idle
     FROM pg_stat_activity a
     WHERE state = 'idle' AND application_name <> 'app-roles'
       AND (query ~* '^\\s*listen\\s'
            OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted))
     ORDER BY 1, 2, 3, state_change`,
  );
  return rows;
}
