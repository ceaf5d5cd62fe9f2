import { codeOf, type Queryable } from "../postgres/connection.ts";
import { isTransient } from "../postgres/transaction.ts";

/** How long to wait for the first lock; other sessions queue behind this wait. */
const firstLockTimeout = "200ms";
/** The shortest possible wait, once a lock is held. */
const nextLockTimeout = "1ms";

/** Another session holds a lock that is needed; a retry can succeed. */
export class Blocked extends Error {}
/** The locks would be held for longer than the limit. */
export class HeldTooLong extends Error {}
/** The server committed a transaction of the rehearsal. */
export class NotRolledBack extends Error {}

/**
 * Runs `work` in a transaction that always ends in ROLLBACK, and verifies the rollback. `prelude` runs first and must take no lock
 * that another session could wait for. Holds locks for at most `cap` milliseconds, and records the time in `held`. Throws
 * Blocked, HeldTooLong, and every error of `work`.
 */
export async function rolledBack(
  db: Queryable,
  prelude: string[],
  cap: number,
  held: { longestHold: number },
  work: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  let id: string | undefined;
  const transaction = new Transaction(db, cap);
  try {
    await db.query("BEGIN");
    id = await currentTransaction(db);
    await db.query(guards(prelude, cap));
    await work(transaction);
  } catch (error) {
    if (error instanceof Blocked || error instanceof HeldTooLong) throw error;
    throw classified(error);
  } finally {
    await db.query("ROLLBACK");
    held.longestHold = Math.max(held.longestHold, transaction.spent);
    if (id !== undefined) await refuseCommitted(db, id);
  }
}

/** Assigns the transaction's ID, so that its status can be checked afterwards. */
async function currentTransaction(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ id: string }>("SELECT pg_current_xact_id()::text AS id");
  return rows[0]?.id as string;
}

function guards(prelude: string[], cap: number): string {
  return [
    `SET LOCAL lock_timeout = '${firstLockTimeout}'`,
    `SET LOCAL statement_timeout = ${cap}`,
    // In a deadlock this transaction must be cancelled, not the application's.
    "SET LOCAL deadlock_timeout = '10ms'",
    // The messages of errors are parsed.
    "SET LOCAL lc_messages = 'C'",
    // Errors are expected here and reported in the result; in the server's log they would only cause alarm.
    "SET LOCAL log_min_messages = 'log'",
    ...prelude,
  ].join("; ");
}

async function refuseCommitted(db: Queryable, id: string): Promise<void> {
  const { rows } = await db.query<{ status: string }>("SELECT pg_xact_status($1::text::xid8) AS status", [id]);
  if (rows[0]?.status === "aborted") return;
  throw new NotRolledBack(
    `transaction ${id} of the rehearsal was not rolled back (pg_xact_status: ${rows[0]?.status}). Check what it changed before anything else.`,
  );
}

/** An open transaction of the rehearsal, whose statements together stay within the limit. */
export class Transaction {
  readonly #db: Queryable;
  readonly #cap: number;
  #started: number | undefined;
  #holds = false;

  constructor(db: Queryable, cap: number) {
    this.#db = db;
    this.#cap = cap;
  }

  /** Whether too much of the limit is spent to start another check. */
  get isLate(): boolean {
    return this.spent > this.#cap / 2;
  }

  /** Milliseconds since the first statement was sent. */
  get spent(): number {
    return this.#started === undefined ? 0 : Math.ceil(performance.now() - this.#started);
  }

  /** Runs one or several statements, separated by semicolons. */
  async run(sql: string): Promise<void> {
    await this.#db.query(`${this.#limits()}; ${sql}`);
  }

  /** Runs one statement with values and returns its rows. */
  async ask<Row>(sql: string, values: unknown[]): Promise<Row[]> {
    await this.#db.query(this.#limits());
    return (await this.#db.query<Row>(sql, values)).rows;
  }

  /** Marks that locks are held, so that the transaction no longer waits for others. */
  holds(): void {
    this.#holds = true;
  }

  /**
   * Runs `work` and rolls it back, including its locks, unless `keep` is set and it succeeded. Returns the error with which
   * Postgres refused it; throws errors that the statement did not cause.
   */
  async attempt(work: () => Promise<unknown>, keep = false): Promise<Error | undefined> {
    await this.#db.query("SAVEPOINT app_roles_attempt");
    let refused: Error | undefined;
    try {
      await work();
    } catch (error) {
      const reason = classified(error);
      if (reason instanceof Blocked || reason instanceof HeldTooLong || codeOf(reason) === undefined) throw reason;
      refused = reason;
    }
    if (refused || !keep) await this.#db.query("ROLLBACK TO SAVEPOINT app_roles_attempt");
    await this.#db.query("RELEASE SAVEPOINT app_roles_attempt");
    return refused;
  }

  #limits(): string {
    this.#started ??= performance.now();
    const left = this.#cap - this.spent;
    if (left < 1) throw new HeldTooLong();
    const lockTimeout = this.#holds ? nextLockTimeout : firstLockTimeout;
    return `SET LOCAL statement_timeout = ${left}; SET LOCAL lock_timeout = '${lockTimeout}'`;
  }
}

/** Distinguishes errors that another session or the limit causes from permanent ones. */
function classified(error: unknown): Error {
  if (error instanceof Blocked || error instanceof HeldTooLong) return error;
  const reason = error instanceof Error ? error : new Error(String(error));
  if (isTransient(reason))
    return new Blocked(`${reason.message} (${codeOf(reason) ?? "no SQLSTATE"})`, { cause: reason });
  if (reason.message === "canceling statement due to statement timeout") {
    return new HeldTooLong(reason.message, { cause: reason });
  }
  return reason;
}
