import type { Queryable } from "../postgres/connection.ts";
import { explain } from "../postgres/explain.ts";
import { isGone } from "../postgres/gone.ts";
import { refuseCancelled } from "../postgres/pause.ts";
import { commitSoFar, isTransient } from "../postgres/transaction.ts";
import type { Call } from "../rpc/provider.ts";
import type { PrivilegeStatement } from "./statements.ts";

/** Attempts for a statement on one object when another session changes the same catalog row. */
const maxAttempts = 5;

/** Maximum number of locks in one transaction: all sessions share the lock table, which has 6,400 entries by default. */
const objectsPerSlice = 500;

/** The role whose privileges change, for messages. */
export interface Subject {
  role: string;
  database: string;
}

/**
 * Runs the statements in order in the caller's transaction, each as the role it needs. A statement that names an object which
 * another session dropped or renamed is rolled back alone: with `split` it runs again for its other objects, otherwise all of its
 * objects are skipped. With `slices` it commits every 500 objects, since PostgreSQL 18 locks the objects of a GRANT until the
 * transaction ends. Returns the keys of the skipped objects.
 */
export async function carryOut(
  db: Queryable,
  statements: PrivilegeStatement[],
  subject: Subject,
  call: Pick<Call, "signal" | "report">,
  split: boolean,
  slices: boolean,
): Promise<string[]> {
  const skipped: string[] = [];
  let locked = 0;
  for (const [index, statement] of statements.entries()) {
    const { role, database } = subject;
    if (slices && locked + statement.keys.length > objectsPerSlice) {
      await commitSoFar(db);
      locked = 0;
    }
    locked += statement.keys.length;
    call.report.progress(`${role} in ${database}: ${index + 1} of ${statements.length}, ${statement.what}`);
    skipped.push(...(await runOne(db, statement, subject, call, split)));
  }
  return skipped;
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
      const skipped: string[] = [];
      for (const half of statement.halves()) skipped.push(...(await runOne(db, half, subject, call, split)));
      return skipped;
    }
    // The object was changed at the same moment and may still exist: the next attempt shows which.
    if (!isTransient(error)) return statement.keys;
    if (attempt === maxAttempts) throw error;
  }
}

/** Runs the statement. Returns the error of Postgres, explained, after rolling the statement back. */
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
    // After a lost connection this fails, too, and explains less than the first error.
    await db.query("ROLLBACK TO SAVEPOINT app_roles_statement").catch(() => {
      throw explained;
    });
    await db.query("RELEASE SAVEPOINT app_roles_statement");
    return explained;
  }
}
