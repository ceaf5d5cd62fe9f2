import { escapeIdentifier } from "pg";
import type { Queryable } from "../postgres/connection.ts";
import { isSuperuser } from "../postgres/roles.ts";
import { maySetParameter } from "../settings/settings.ts";
import { mayReadLines } from "./client-authentication.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { Warning, WarningKind } from "./warning.ts";

/** What an admin that is no superuser cannot see or do, so that nobody takes silence for a finding. */
export const limitedAdmin: WarningKind<ServerFacts> = {
  name: "what the admin may not see or do",
  async find(db, { legacyUsers }) {
    if (await isSuperuser(db)) return [];
    const { name, stats } = await readAdmin(db);
    const admin = escapeIdentifier(name);
    const warnings: Warning[] = [];
    if (!stats) {
      warnings.push({
        object: "sessions of other roles",
        what: `${name} sees that they are there, but not where they come from or what they do: nobody looks for idle sessions that a timeout would end, errors name who is in the way without address and duration, and parallel workers are counted as sessions`,
        remedy: `GRANT pg_read_all_stats TO ${admin}`,
      });
    }
    // Who has cut over all its services knows that their roles get in.
    if (legacyUsers.length > 0 && !(await mayReadLines(db))) {
      warnings.push({
        object: "pg_hba.conf",
        what: `${name} may not read it: nobody looks for lines that would not let a new role in`,
        remedy: `GRANT SELECT ON pg_hba_file_rules TO ${admin} and GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO ${admin}, in each database; or see for yourself that it lets the roles in wherever the legacy user comes from`,
      });
    }
    if (!(await maySetParameter(db, "deadlock_timeout"))) {
      warnings.push({
        object: "deadlock_timeout",
        what: `${name} may not set it: when a move and an application's transaction are in a deadlock, either may be the one that Postgres ends`,
        remedy: `GRANT SET ON PARAMETER deadlock_timeout TO ${admin} (PostgreSQL 15 and later)`,
      });
    }
    return warnings;
  },
};

async function readAdmin(db: Queryable): Promise<{ name: string; stats: boolean }> {
  const { rows } = await db.query<{ name: string; stats: boolean }>(
    "SELECT current_user::text AS name, pg_has_role('pg_read_all_stats', 'USAGE') AS stats",
  );
  return rows[0] as { name: string; stats: boolean };
}
