import { codeOf, type Queryable } from "../postgres/connection.ts";
import { isTransient } from "../postgres/transaction.ts";

/** How long the first lock is waited for; others queue up behind whoever waits. */
const firstLockTimeout = "200ms";
/** Once a lock is held no other is waited for: the shortest wait that Postgres knows. */
const nextLockTimeout = "1ms";

/** Another session holds a lock that is needed: the same may well succeed a moment later. */
export class Blocked extends Error {}
/** The locks would be held longer than the cap. */
export class HeldTooLong extends Error {}
/** The server committed what must not be committed. */
export class NotRolledBack extends Error {}

/**
 * Runs `work` in a transaction that always ends in ROLLBACK, and makes sure that it did. `prelude` comes first; it may
 * take no lock that another session could wait for. Locks are held for
 * `cap` milliseconds at most; how long they were is noted in `held`. Throws Blocked and HeldTooLong, and whatever `work` throws.
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

/** The transaction's number: asking for it assigns one, so that its fate can be looked up afterwards. */
async function currentTransaction(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ id: string }>("SELECT pg_current_xact_id()::text AS id");
  return rows[0]?.id as string;
}

function guards(prelude: string[], cap: number): string {
  return [
    `SET LOCAL lock_timeout = '${firstLockTimeout}'`,
    `SET LOCAL statement_timeout = ${cap}`,
    // Ours must be the one that gives way in a deadlock.
    "SET LOCAL deadlock_timeout = '10ms'",
    // What Postgres refuses is read by its words.
    "SET LOCAL lc_messages = 'C'",
    // Refusals are what is looked for here: they are told in the result, and would only alarm who watches the log.
    "SET LOCAL log_min_messages = 'log'",
    ...prelude,
  ].join("; ");
}

async function refuseCommitted(db: Queryable, id: string): Promise<void> {
  const { rows } = await db.query<{ status: string }>("SELECT pg_xact_status($1::text::xid8) AS status", [id]);
  if (rows[0]?.status === "aborted") return;
  throw new NotRolledBack(
    `transaction ${id} of the rehearsal was not rolled back (pg_xact_status: ${rows[0]?.status}). Look at what it did before anything else.`,
  );
}

/** An open transaction of the rehearsal, whose statements together keep to the cap. */
export class Transaction {
  readonly #db: Queryable;
  readonly #cap: number;
  #started: number | undefined;
  #holds = false;

  constructor(db: Queryable, cap: number) {
    this.#db = db;
    this.#cap = cap;
  }

  /** Whether so much of the cap is spent that no further check should begin. */
  get isLate(): boolean {
    return this.spent > this.#cap / 2;
  }

  /** Milliseconds since the first statement was sent. */
  get spent(): number {
    return this.#started === undefined ? 0 : Math.ceil(performance.now() - this.#started);
  }

  /** Runs one statement or several, parted by semicolons. */
  async run(sql: string): Promise<void> {
    await this.#db.query(`${this.#limits()}; ${sql}`);
  }

  /** Runs one statement with values and returns its rows. */
  async ask<Row>(sql: string, values: unknown[]): Promise<Row[]> {
    await this.#db.query(this.#limits());
    return (await this.#db.query<Row>(sql, values)).rows;
  }

  /** Says that locks are held from now on: no other is waited for. */
  holds(): void {
    this.#holds = true;
  }

  /**
   * Runs `work` and takes back what it did, its locks included, unless `keep` is set and it went well. Returns what
   * Postgres refused it with; throws what is no fault of the statement's.
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

/** Tells what another session or the cap is to blame for from what Postgres refuses for good. */
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
