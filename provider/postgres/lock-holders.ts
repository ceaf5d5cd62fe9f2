import type { Queryable } from "./connection.ts";

/**
 * Who holds a lock on a relation, the longest transaction first, at most three: `pid 71, nightly report as postgres, in a
 * transaction for 00:12:03`. Empty when nobody does by now, or for an object of another kind: those have no such locks.
 */
export async function lockHolders(db: Queryable, identity: string): Promise<string> {
  const { rows } = await db.query<{ holder: string }>(
    `SELECT format('pid %s, %s as %s, in a transaction for %s', a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'),
                   a.usename, coalesce(date_trunc('second', now() - a.xact_start)::text, 'a time that only pg_read_all_stats sees')) AS holder
     FROM (SELECT DISTINCT l.pid FROM pg_locks l
           JOIN pg_class c ON c.oid = l.relation
           JOIN pg_namespace n ON n.oid = c.relnamespace AND quote_ident(n.nspname) || '.' || quote_ident(c.relname) = $1
           WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) l
     JOIN pg_stat_activity a ON a.pid = l.pid
     ORDER BY a.xact_start LIMIT 3`,
    [identity],
  );
  return rows.map((row) => row.holder).join("; ");
}
