import type { Call } from "../rpc/provider.ts";
import type { Queryable } from "./connection.ts";
import { pause } from "./pause.ts";

/**
 * The advisory lock that every change of a stack takes, so that two runs never interleave: the bytes of "pgaccess" as a 64-bit
 * number. pg_locks shows the sessions that hold it or wait for it (locktype advisory, classid 1885823331, objid 1667593075).
 * Advisory locks belong to a database, so runs in different databases do not wait for each other.
 */
export const runLock = BigInt(`0x${Buffer.from("pgaccess").toString("hex")}`);

/** Milliseconds between two tries for a lock that another run holds, and before giving up. */
const retryDelay = 1000;
const patience = 600_000;

/** Runs `work`, with all its transactions, under the stack's advisory lock in this database; waits for another run to end. */
export async function alone<T>(
  db: Queryable,
  call: Pick<Call, "signal" | "report">,
  work: () => Promise<T>,
): Promise<T> {
  const since = Date.now();
  while (!(await tryLock(db))) {
    if (Date.now() - since > patience) {
      throw new Error(
        `another run of app-roles has held its lock for ${patience / 60_000} minutes: ${await holder(db)}`,
      );
    }
    call.report.progress(`waiting for another run of app-roles: ${await holder(db)}`);
    await pause(retryDelay, call.signal);
  }
  try {
    return await work();
  } finally {
    // A lost connection has released the lock.
    await db.query(`SELECT pg_advisory_unlock(${runLock})`).catch(() => undefined);
  }
}

async function tryLock(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ got: boolean }>(`SELECT pg_try_advisory_lock(${runLock}) AS got`);
  return rows[0]?.got ?? false;
}

async function holder(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ who: string }>(
    `SELECT format('pid %s from %s', l.pid, coalesce(a.client_addr::text,
                   CASE WHEN a.backend_start IS NULL THEN 'an address that only pg_read_all_stats sees' ELSE 'the server itself' END)) AS who
     FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = ${runLock}`,
  );
  return rows[0]?.who ?? "it has just ended";
}

/**
 * Sessions that hold a lock on a relation, at most three, the longest transaction first: `pid 71, nightly report as postgres, in a
 * transaction for 00:12:03`. Empty if no session does, or for an object that is not a relation.
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
