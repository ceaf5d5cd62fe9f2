import { escapeIdentifier } from "pg";
import type { Queryable } from "../postgres/connection.ts";
import { isSuperuser } from "../postgres/roles.ts";
import { canSetParameter } from "../settings/settings.ts";
import { mayReadLines } from "./client-authentication.ts";
import type { ServerFacts } from "./facts.ts";
import type { Warning, WarningKind } from "./warning.ts";

/** Limits of a non-superuser admin, so that the absence of other warnings is not mistaken for a result. */
export const limitedAdmin: WarningKind<ServerFacts> = {
  name: "limits of the admin",
  async find(db, { legacyUsers }) {
    if (await isSuperuser(db)) return [];
    const { name, stats } = await readAdmin(db);
    const admin = escapeIdentifier(name);
    const warnings: Warning[] = [];
    if (!stats) {
      warnings.push({
        object: "sessions of other roles",
        what: `${name} sees that they exist, but not their addresses or activity: idle sessions that a timeout would end are not checked, errors name blocking sessions without address and duration, and parallel workers count as sessions`,
        remedy: `GRANT pg_read_all_stats TO ${admin}`,
      });
    }
    // Once every service is cut over, their roles are known to get in.
    if (legacyUsers.length > 0 && !(await mayReadLines(db))) {
      warnings.push({
        object: "pg_hba.conf",
        what: `${name} cannot read it: lines that would reject a new role are not checked`,
        remedy: `GRANT SELECT ON pg_hba_file_rules TO ${admin} and GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO ${admin}, in each database; or check yourself that it admits the roles from every address that the legacy user logs in from`,
      });
    }
    if (!(await canSetParameter(db, "deadlock_timeout"))) {
      warnings.push({
        object: "deadlock_timeout",
        what: `${name} cannot set it: when a change of owner and an application's transaction deadlock, Postgres can cancel either of them`,
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
