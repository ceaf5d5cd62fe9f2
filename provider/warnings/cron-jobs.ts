import type { Queryable } from "../postgres/connection.ts";
import { isSuperuser, readRoles } from "./roles.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { WarningKind } from "./warning.ts";

/** The one database in which pg_cron keeps its jobs; undefined where it is not loaded, so that none runs. */
export async function cronDatabase(db: Queryable): Promise<string | undefined> {
  const { rows } = await db.query<{ name: string | null }>(
    "SELECT nullif(current_setting('cron.database_name', true), '') AS name",
  );
  return rows[0]?.name ?? undefined;
}

/**
 * pg_cron's jobs in the declared databases that run as a legacy user or a superuser: they have no place in the move. To be
 * looked for in cronDatabase; an admin that is no superuser sees its own alone.
 */
export const cronJobs: WarningKind<ServerFacts> = {
  name: "jobs of pg_cron",
  async find(db, { databases, legacyUsers }, reads) {
    if (legacyUsers.length === 0) return [];
    const { rows: found } = await db.query<{ found: boolean }>(
      `SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS found
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'cron' AND c.relname = 'job'`,
    );
    if (!found[0]?.found) return [];
    const roles = await reads.once(db, readRoles);
    const { rows } = await db.query<{ name: string; database: string; user: string }>(
      `SELECT jobid || coalesce(' (' || jobname || ')', '') AS name, database::text AS database, username::text AS user
       FROM cron.job WHERE database = ANY ($1::text[]) AND active ORDER BY jobid`,
      [databases],
    );
    return rows
      .filter(({ user }) => legacyUsers.includes(user) || isSuperuser(roles, user))
      .map(({ name, database, user }) => ({
        object: `cron job ${name}`,
        what: `goes on running in ${database} as ${user}`,
        remedy: "schedule it anew as a role of its own if it shall not; else nothing",
      }));
  },
};
