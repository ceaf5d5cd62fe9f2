import type { Call } from "../rpc/provider.ts";
import { codeOf, type Queryable } from "./connection.ts";
import { isGone } from "./gone.ts";
import { pause, refuseCancelled } from "./pause.ts";

/** How long one statement waits for a lock before the whole transaction gives way and is tried again. */
const lockTimeout = "2s";
/** Milliseconds before each further try: about 12 seconds in all, with the waits for locks up to half a minute. */
const retryDelays = [50, 100, 200, 400, 800, 1600, 3000, 3000, 3000];

/** Tries more when something that the transaction named was gone: it may be a wrong name as well. */
const triesWhenGone = 3;

/** serialization_failure, deadlock_detected, lock_not_available. */
const passing = new Set(["40001", "40P01", "55P03"]);

/**
 * Runs `work` in one transaction: all of it or nothing. What another session's change made fail is tried again from the
 * start, so `work` must read the catalog itself. `doing` is what progress says: `granting dashboard_app its privileges`.
 */
export async function inTransaction<T>(
  db: Queryable,
  call: Pick<Call, "signal" | "report">,
  doing: string,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    refuseCancelled(call.signal);
    try {
      await begin(db);
      const result = await work();
      refuseCancelled(call.signal);
      await db.query("COMMIT");
      return result;
    } catch (error) {
      await db.query("ROLLBACK").catch(() => undefined);
      const delay = retryDelays[attempt];
      const mayPass = isPassing(error) || (isGone(error) && attempt < triesWhenGone);
      if (delay === undefined || !mayPass) throw error;
      call.report.progress(`${doing}: tried again, ${messageOf(error)}`);
      await pause(delay, call.signal);
    }
  }
}

/**
 * Commits what the transaction has done so far and goes on in another: it lets go of its locks, which an up of ten thousand
 * objects would otherwise take from everybody else's share of the lock table.
 */
export async function commitSoFar(db: Queryable): Promise<void> {
  await db.query("COMMIT");
  await begin(db);
}

async function begin(db: Queryable): Promise<void> {
  await db.query("BEGIN");
  await db.query(`SET LOCAL lock_timeout = '${lockTimeout}'`);
}

/** Whether the same statement may well succeed a moment later. */
export function isPassing(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  // Two sessions that change one catalog row at once: Postgres has no SQLSTATE of its own for it (XX000).
  return passing.has(codeOf(cause) ?? "") || messageOf(cause).startsWith("tuple concurrently");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
