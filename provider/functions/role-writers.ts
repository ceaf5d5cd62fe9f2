import { escapeIdentifier } from "pg";
import { codeOf, type Queryable } from "../postgres/connection.ts";
import { pause } from "../postgres/pause.ts";

/** Milliseconds before each further look: about ten seconds in all. */
const delays = [250, 500, 1000, 2000, 3000, 3000];

/**
 * Waits while another session has a change of this role open: made, altered, renamed or dropped, and neither committed nor
 * rolled back. The official plugin would wait behind it without a word and without an end, and its own sessions may be
 * those: they outlive an up that was interrupted while they waited for a lock, since the server does not notice that nobody
 * listens. Throws, naming the sessions, when it lasts. `db` must be on the database that the official plugin uses.
 */
export async function awaitRoleWriters(db: Queryable, role: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    // Another role's change takes the same lock on pg_authid, so whether this role is meant is tried.
    const sessions = await writers(db, role);
    if (sessions.length === 0 || (await isFree(db, role))) return;
    const delay = delays[attempt];
    if (delay === undefined) throw new Error(busy(role, sessions));
    await pause(delay, signal);
  }
}

interface Writer {
  pid: number;
  who: string;
}

async function writers(db: Queryable, role: string): Promise<Writer[]> {
  const { rows } = await db.query<Writer>(
    `SELECT a.pid, format('pid %s, %s as %s, in a transaction for %s', a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'),
                          a.usename, coalesce(date_trunc('second', now() - a.xact_start)::text, 'a time that only pg_read_all_stats sees')) AS who
     FROM pg_stat_activity a
     WHERE a.pid <> pg_backend_pid() AND EXISTS (
       SELECT FROM pg_locks l WHERE l.pid = a.pid AND (
         l.locktype = 'relation' AND l.relation = 'pg_authid'::regclass AND l.mode = 'RowExclusiveLock'
         OR l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid = 0
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.objid = (SELECT oid FROM pg_roles WHERE rolname = $1)))
     ORDER BY a.xact_start, a.pid`,
    [role],
  );
  return rows;
}

/** Tries to change the role, or to make it where there is none, and takes that back. */
async function isFree(db: Queryable, role: string): Promise<boolean> {
  await db.query("BEGIN");
  try {
    await db.query("SET LOCAL lock_timeout = '200ms'");
    const { rows } = await db.query<{ free: boolean }>(
      // The lock that the official plugin takes before it changes a role.
      "SELECT pg_try_advisory_xact_lock(oid::bigint) AS free FROM pg_roles WHERE rolname = $1",
      [role],
    );
    if (rows[0]?.free === false) return false;
    await db.query(`${rows.length > 0 ? "ALTER" : "CREATE"} ROLE ${escapeIdentifier(role)}`);
    return true;
  } catch (error) {
    const code = codeOf(error) ?? "";
    // It appeared or went between the two statements: look again.
    if (["55P03", "42710", "23505", "42704"].includes(code) || String(error).includes("tuple concurrently"))
      return false;
    // Whatever else is wrong with it, the official plugin says.
    return true;
  } finally {
    await db.query("ROLLBACK");
  }
}

function busy(role: string, sessions: Writer[]): string {
  const pids = sessions.map(({ pid }) => `pg_terminate_backend(${pid})`).join(", ");
  return (
    `another session is changing role ${role} and does not end: ${sessions.map(({ who }) => who).join("; ")}. Nothing of the ` +
    "role was changed. A session named Terraform provider is of an up that was interrupted, or of one that runs now. Let it " +
    `end, or end it with SELECT ${pids}; then run up again.`
  );
}
