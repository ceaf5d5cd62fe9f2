import type { Queryable } from "./connection.ts";
import { explain } from "./explain.ts";
import { membershipOf } from "./membership.ts";

/**
 * Runs `work`, in the transaction that is open, as a member of `roles`: an admin that is no superuser has to be one to
 * change what they own. `work` is told whether it had to be: then all of it belongs into this one transaction. What ends the transaction early takes the memberships back, too.
 */
export async function actingFor<T>(
  db: Queryable,
  roles: string[],
  work: (isMember: boolean) => Promise<T>,
): Promise<T> {
  const { take, giveBack } = await membershipOf(db, roles);
  await runAll(db, take, "become a member of");
  const result = await work(take.length > 0);
  await runAll(db, giveBack, "give back the membership in");
  return result;
}

async function runAll(db: Queryable, statements: string[], what: string): Promise<void> {
  for (const statement of statements) {
    try {
      await db.query(statement);
    } catch (error) {
      throw explain(`cannot ${what} a role (${statement})`, error);
    }
  }
}
