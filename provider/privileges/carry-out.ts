import type { Queryable } from "../postgres/connection.ts";
import { explain } from "../postgres/explain.ts";
import { isGone } from "../postgres/gone.ts";
import { refuseCancelled } from "../postgres/pause.ts";
import { commitSoFar, isTransient } from "../postgres/transaction.ts";
import type { Call } from "../rpc/provider.ts";
import type { PrivilegeStatement } from "./statements.ts";

/** Times that a statement about one object is tried again when another session changes the same catalog row. */
const triesOfOne = 5;

/** Locks that one transaction holds at most: the lock table is everybody's, and has 6,400 by default. */
const objectsPerSlice = 500;

/** Whose privileges are changed, for messages. */
export interface Subject {
  role: string;
  database: string;
}

/**
 * Runs the statements in order, each as the role it needs, in the caller's transaction. One that names an object that another
 * session has dropped or renamed is rolled back by itself: with `split` the other objects it names still get theirs, without
 * it all of them are left for a new plan. With `slices` it commits every 500 objects, since PostgreSQL 18 locks what a GRANT
 * names until the end of the transaction. Returns the keys of what was left out.
 */
export async function carryOut(
  db: Queryable,
  statements: PrivilegeStatement[],
  subject: Subject,
  call: Pick<Call, "signal" | "report">,
  split: boolean,
  slices: boolean,
): Promise<string[]> {
  const leftOut: string[] = [];
  let locked = 0;
  for (const [index, statement] of statements.entries()) {
    const { role, database } = subject;
    if (slices && locked + statement.keys.length > objectsPerSlice) {
      await commitSoFar(db);
      locked = 0;
    }
    locked += statement.keys.length;
    call.report.progress(`${role} in ${database}: ${index + 1} of ${statements.length}, ${statement.what}`);
    leftOut.push(...(await runOne(db, statement, subject, call, split)));
  }
  return leftOut;
}

async function runOne(
  db: Queryable,
  statement: PrivilegeStatement,
  subject: Subject,
  call: Pick<Call, "signal" | "report">,
  split: boolean,
): Promise<string[]> {
  for (let attempt = 1; ; attempt++) {
    refuseCancelled(call.signal);
    const error = await refusalOf(db, statement, subject);
    if (error === undefined) return [];
    if (!isGone(error)) throw error;
    if (!split) return statement.keys;
    if (statement.halves) {
      const leftOut: string[] = [];
      for (const half of statement.halves()) leftOut.push(...(await runOne(db, half, subject, call, split)));
      return leftOut;
    }
    // Changed at the same moment, and not necessarily gone: the next try tells which.
    if (!isTransient(error)) return statement.keys;
    if (attempt === triesOfOne) throw error;
  }
}

/** What Postgres refused the statement with, explained; then it is as if it had not been run. */
async function refusalOf(
  db: Queryable,
  { sql, as, what }: PrivilegeStatement,
  { role, database }: Subject,
): Promise<Error | undefined> {
  await db.query("SAVEPOINT app_roles_statement");
  try {
    if (as !== undefined) await db.query("SELECT set_config('role', $1, true)", [as]);
    await db.query(sql);
    if (as !== undefined) await db.query("SELECT set_config('role', 'none', true)");
    await db.query("RELEASE SAVEPOINT app_roles_statement");
    return undefined;
  } catch (error) {
    const actor = as === undefined ? "" : `, which ${as} granted`;
    const explained = explain(`cannot ${what} for ${role} in ${database}${actor}`, error);
    // After a lost connection this fails, too, and says less than the error at hand.
    await db.query("ROLLBACK TO SAVEPOINT app_roles_statement").catch(() => {
      throw explained;
    });
    await db.query("RELEASE SAVEPOINT app_roles_statement");
    return explained;
  }
}
