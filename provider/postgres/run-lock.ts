import type { Call } from "../rpc/provider.ts";
import type { Queryable } from "./connection.ts";
import { runLock } from "./lock-id.ts";
import { pause } from "./pause.ts";

/** Milliseconds between two looks at a lock that another run holds, and before giving up. */
const lookEvery = 1000;
const patience = 600_000;

/** Holds the stack's advisory lock in this database over the many transactions of `work`; waits for another run to end. */
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
    await pause(lookEvery, call.signal);
  }
  try {
    return await work();
  } finally {
    // When the connection was lost, so was the lock.
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
