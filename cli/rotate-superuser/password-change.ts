import { scramVerifier } from "../../model/scram.ts";
import type { Queryable, ServerAddress } from "../../provider/postgres/connection.ts";
import { inTransaction } from "../../provider/postgres/transaction.ts";
import type { Call } from "../../provider/rpc/provider.ts";
import { isWrongPassword, placeOf, tryLogin } from "./login.ts";
import { readOwnPassword, setStoredPassword } from "./stored-password.ts";
import { pending, type Vault } from "./vault.ts";

/** What has been done; a run may be ended after any of them and the next one goes on. */
export type Step = "kept" | "changed" | "verified" | "promoted";

export interface PasswordChange {
  /** The admin's session, which stays open until all is done. */
  db: Queryable;
  /** The password in force; undefined: not known, the server asks for none from here. */
  former: string | undefined;
  next: string;
  /** Where a password is asked for; undefined: nowhere, so no login can tell anything. */
  asking: ServerAddress | undefined;
  vault: Vault;
  call: Pick<Call, "signal" | "report">;
  /** Told of each step. */
  reached(step: Step): void | Promise<void>;
}

/**
 * Stores the next password, sets it on the server, tries both, and stores it as the one in force. When a login does not
 * go as it must, what was in force before is set again. Throws what went wrong and which password is in force then.
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

/** The rest of a change that was ended after the server had the password. */
export async function finishChange(change: PasswordChange): Promise<void> {
  await verify(change);
  await change.reached("verified");
  await promote(change);
  await change.reached("promoted");
}

/** The server must hold the next one; a login with it must work, one with the former must be refused for its password. */
async function verify({ db, asking, former, next }: PasswordChange): Promise<void> {
  const { stored } = await readOwnPassword(db);
  if (stored !== undefined && stored !== scramVerifier(next)) throw new Error("the server holds another password");
  if (!asking) return;
  const place = placeOf(asking);
  const withNext = await tryLogin(asking, next);
  if (withNext instanceof Error) {
    throw new Error(`${place} refuses the new password: ${withNext.message} A connection pooler may have its own list`);
  }
  if (former === undefined || former === next) return;
  const withFormer = await tryLogin(asking, former);
  if (!(withFormer instanceof Error)) throw new Error(`${place} still lets the former password in`);
  if (!isWrongPassword(withFormer)) {
    throw new Error(`${place} does not say whether it refuses the former password: ${withFormer.message}`);
  }
}

/** From here on only forward: the new one is in force and stored. */
async function promote({ vault, next }: PasswordChange): Promise<void> {
  try {
    await vault.promote(next);
  } catch (error) {
    throw new Error(
      `the new password is in force and kept as ${pending}, but could not be stored as app-roles:adminPassword: ${(error as Error).message}\nRun this again: it goes on from here`,
    );
  }
}

/** A statement that was refused has changed nothing; with the session gone nobody knows. */
async function explainRefusal({ db, vault }: PasswordChange, error: Error): Promise<never> {
  const isOpen = await db.query("SELECT").then(
    () => true,
    () => false,
  );
  if (!isOpen) {
    throw new Error(
      `the connection was lost while the password was set: ${error.message}. The new one is kept as ${pending}; run this again: it finds out which of the two is in force`,
    );
  }
  await vault.drop();
  throw new Error(`Postgres does not set the password: ${error.message}. Nothing was changed`);
}

async function restorePrevious(
  change: PasswordChange,
  stored: string | null | undefined,
  reason: Error,
): Promise<never> {
  const { db, former, vault, call } = change;
  try {
    const formerly = stored !== undefined ? stored : former === undefined ? undefined : scramVerifier(former);
    if (formerly === undefined) throw new Error("it is not known here");
    await inTransaction(db, call, "setting the former password again", async () => {
      const { user } = await readOwnPassword(db);
      await setStoredPassword(db, user, formerly, "unlogged");
    });
  } catch (error) {
    throw new Error(
      `${reason.message}. The former password could not be put back: ${(error as Error).message}. The new one is kept as ${pending}; run this again once that is mended: it finds out which of the two is in force`,
    );
  }
  const left = await vault.drop().then(
    () => "",
    (error: Error) => `; ${pending} stays, and the next run begins with it: ${error.message}`,
  );
  throw new Error(`${reason.message}. The former password is in force again; nothing was changed${left}`);
}
