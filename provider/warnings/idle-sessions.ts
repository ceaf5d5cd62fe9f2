import type { Queryable } from "../postgres/connection.ts";
import { SettingRules } from "../settings/settings.ts";
import { parseSetting } from "../settings/values.ts";
import type { SettingsFacts } from "./settings-facts.ts";
import type { WarningKind } from "./warning.ts";

const timeout = "idle_session_timeout";

/**
 * Sessions of a legacy user that are idle on purpose, holding an advisory lock or listening, which the role's
 * idle_session_timeout would end. Who else LISTENs is in no catalog: a session counts whose last statement was one.
 */
export const idleSessions: WarningKind<SettingsFacts> = {
  name: "idle sessions that hold a lock or listen",
  async find(db, facts, reads) {
    const sessions = await reads.once(db, readIdleSessions);
    const rules = sessions.length > 0 ? await new SettingRules().read(db, [timeout]) : new Map();
    return sessions
      .filter(({ user, database }) => facts.legacyUsers.includes(user) && facts.usedIn.includes(database))
      .flatMap(({ application, database, listens, idle }) => {
        const value = timeoutIn(facts, database);
        const parsed = value === undefined ? undefined : parseSetting(timeout, rules.get(timeout), value);
        if (!parsed || !("canonical" in parsed) || Number(parsed.canonical) === 0) return [];
        return [
          {
            object: `sessions of ${application} in ${database}`,
            what: `one ${listens ? "LISTENs" : "holds an advisory lock"} and is idle (for ${idle} now); as ${facts.role} it is ended after ${value} (${timeout})`,
            remedy: `let it send a query more often than that, or raise app-roles:roles.${facts.role}.settings.${timeout}`,
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
  /** For how long, as `00:12:30`. */
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
