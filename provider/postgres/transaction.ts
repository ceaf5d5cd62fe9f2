import type { Call } from "../rpc/provider.ts";
import { codeOf, type Queryable, type Server } from "./connection.ts";
import { isGone } from "./gone.ts";
import { alone } from "./locks.ts";
import { pause, refuseCancelled } from "./pause.ts";

/** How long a statement waits for a lock before the transaction is rolled back and retried. */
const lockTimeout = "2s";
/** Milliseconds before each retry: about 12 seconds in total, up to half a minute with the waits for locks. */
const retryDelays = [50, 100, 200, 400, 800, 1600, 3000, 3000, 3000];

/** Retries if an object of the transaction does not exist: its name may simply be wrong. */
const retriesIfGone = 3;

/** serialization_failure, deadlock_detected, lock_not_available. */
const transient = new Set(["40001", "40P01", "55P03"]);

/** `inTransaction` in a session on `database` (default: the admin's), while no other run of app-roles changes the server. */
export function inExclusiveTransaction<T>(
  server: Server,
  database: string | undefined,
  call: Pick<Call, "signal" | "report">,
  doing: string,
  work: (db: Queryable) => Promise<T>,
): Promise<T> {
  return server.session(database, (db) => alone(db, call, () => inTransaction(db, call, doing, () => work(db))));
}

/**
 * Runs `work` in one transaction. Retries it from the start if it fails because of another session, so `work` must read the
 * catalog itself. `doing` is printed as progress: `granting dashboard_app its privileges`.
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
      const mayPass = isTransient(error) || (isGone(error) && attempt < retriesIfGone);
      if (delay === undefined || !mayPass) throw error;
      call.report.progress(`${doing}: retrying after: ${messageOf(error)}`);
      await pause(delay, call.signal);
    }
  }
}

/**
 * Commits the transaction and starts another. This releases its locks: an up of ten thousand objects would otherwise fill the
 * server's lock table.
 */
export async function commitSoFar(db: Queryable): Promise<void> {
  await db.query("COMMIT");
  await begin(db);
}

async function begin(db: Queryable): Promise<void> {
  await db.query("BEGIN");
  await db.query(`SET LOCAL lock_timeout = '${lockTimeout}'`);
}

/** Whether the same statement can succeed a moment later. */
export function isTransient(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  // Two sessions changed the same catalog row: Postgres reports an internal error (XX000).
  return transient.has(codeOf(cause) ?? "") || messageOf(cause).startsWith("tuple concurrently");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
