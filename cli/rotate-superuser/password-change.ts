import { scramVerifier } from "../../model/scram.ts";
import type { Queryable, ServerAddress } from "../../provider/postgres/connection.ts";
import { inTransaction } from "../../provider/postgres/transaction.ts";
import type { Call } from "../../provider/rpc/provider.ts";
import { isWrongPassword, placeOf, tryLogin } from "./login.ts";
import { readOwnPassword, setStoredPassword } from "./stored-password.ts";
import { pending, type Vault } from "./vault.ts";

/** A completed step; after an interruption the next run continues from the last one. */
export type Step = "kept" | "changed" | "verified" | "promoted";

export interface PasswordChange {
  /** The admin's session, open during the whole change. */
  db: Queryable;
  /** The password in force; undefined if not known. */
  previous: string | undefined;
  next: string;
  /** Where the server requires a password; undefined if nowhere, so that no login can be tested. */
  asking: ServerAddress | undefined;
  vault: Vault;
  call: Pick<Call, "signal" | "report">;
  /** Called after each step. */
  reached(step: Step): void | Promise<void>;
}

/**
 * Stores the next password, sets it on the server, tests both, and stores it as the one in force. If a test login fails, the
 * previous password is set again. Throws the reason and which password is in force.
 */
export async function changePassword(change: PasswordChange): Promise<void> {
  const { db, next, vault, call, reached } = change;
  const before = await readOwnPassword(db);
  await vault.keep(next);
  await reached("kept");
  await inTransaction(db, call, "setting the password", () =>
    setStoredPassword(db, before.user, scramVerifier(next)),
  ).catch((error: Error) => explainRefusal(change, error));
  await reached("changed");
  await verify(change).catch((error: Error) => restorePrevious(change, before.stored, error));
  await reached("verified");
  await promote(change);
  await reached("promoted");
}

/** Finishes a change that was interrupted after the password was set on the server. */
export async function finishChange(change: PasswordChange): Promise<void> {
  await verify(change);
  await change.reached("verified");
  await promote(change);
  await change.reached("promoted");
}

/** The server must have the next password: a login with it must work, one with the previous password must be refused. */
async function verify({ db, asking, previous, next }: PasswordChange): Promise<void> {
  const { stored } = await readOwnPassword(db);
  if (stored !== undefined && stored !== scramVerifier(next)) throw new Error("the server has another password");
  if (!asking) return;
  const place = placeOf(asking);
  const withNext = await tryLogin(asking, next);
  if (withNext instanceof Error) {
    throw new Error(
      `${place} refuses the new password: ${withNext.message} A connection pooler can have its own list of passwords`,
    );
  }
  if (previous === undefined || previous === next) return;
  const withPrevious = await tryLogin(asking, previous);
  if (!(withPrevious instanceof Error)) throw new Error(`${place} still accepts the previous password`);
  if (!isWrongPassword(withPrevious)) {
    throw new Error(
      `a login with the previous password at ${place} failed for another reason: ${withPrevious.message}`,
    );
  }
}

/** The new password is in force: from here the change can only be finished. */
async function promote({ vault, next }: PasswordChange): Promise<void> {
  try {
    await vault.promote(next);
  } catch (error) {
    throw new Error(
      `the new password is in force and kept as ${pending}, but could not be stored as app-roles:adminPassword: ${(error as Error).message}\nRun this again: it continues from here`,
    );
  }
}

/** A refused statement changed nothing; after a lost connection it may have. */
async function explainRefusal({ db, vault }: PasswordChange, error: Error): Promise<never> {
  const isOpen = await db.query("SELECT").then(
    () => true,
    () => false,
  );
  if (!isOpen) {
    throw new Error(
      `the connection was lost while the password was set: ${error.message}. The new one is kept as ${pending}. Run this again: it finds out which one is in force`,
    );
  }
  await vault.drop();
  throw new Error(`Postgres refused to set the password: ${error.message}. Nothing was changed`);
}

async function restorePrevious(
  change: PasswordChange,
  stored: string | null | undefined,
  reason: Error,
): Promise<never> {
  const { db, previous, vault, call } = change;
  try {
    const verifier = stored !== undefined ? stored : previous === undefined ? undefined : scramVerifier(previous);
    if (verifier === undefined) throw new Error("it is not known here");
    await inTransaction(db, call, "restoring the previous password", async () => {
      const { user } = await readOwnPassword(db);
      await setStoredPassword(db, user, verifier, "unlogged");
    });
  } catch (error) {
    throw new Error(
      `${reason.message}. The previous password could not be restored: ${(error as Error).message}. The new one is kept as ${pending}. Fix this and run the command again: it finds out which one is in force`,
    );
  }
  const left = await vault.drop().then(
    () => "",
    (error: Error) => `; ${pending} remains and the next run uses it: ${error.message}`,
  );
  throw new Error(`${reason.message}. The previous password is in force again; nothing was changed${left}`);
}
