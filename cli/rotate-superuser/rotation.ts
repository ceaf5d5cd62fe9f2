import { randomBytes } from "node:crypto";
import { scramVerifier } from "../../model/scram.ts";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { alone } from "../../provider/postgres/locks.ts";
import type { Call } from "../../provider/rpc/provider.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { during } from "../terminal/progress.ts";
import { isAccepted } from "./acceptance.ts";
import { type Asking, addressesOf, placeOf, whereAsked } from "./login.ts";
import { look, type Rotation } from "./look.ts";
import { changePassword, finishChange, type PasswordChange, type Step } from "./password-change.ts";
import { refuseUnfit } from "./preconditions.ts";
import { readOwnPassword } from "./stored-password.ts";
import { pending, type Vault } from "./vault.ts";

/** Changes the password, or finishes an interrupted change. Resolves with false if a finding is not accepted; nothing is changed then. */
export async function rotate(db: Queryable, rotation: Rotation): Promise<boolean> {
  const { stack, vault } = rotation;
  const { adminPassword: previous, pendingAdminPassword } = stack;
  const own = await readOwnPassword(db);
  refuseUnfit(own, stack);
  const addresses = addressesOf(stack.server);
  const askingFor = (password: string | undefined) =>
    during("finding an address that requires a password", () => whereAsked(addresses, password, own.identity));

  if (pendingAdminPassword !== undefined) {
    const asking = await askingFor(pendingAdminPassword);
    const isInForce =
      own.stored !== undefined ? own.stored === scramVerifier(pendingAdminPassword) : "address" in asking;
    if (isInForce) {
      console.log(`An earlier run has set the new password of ${own.user}; finishing it.`);
      await alone(db, call, () =>
        uninterrupted(() => finishChange(passwordChange(db, previous, pendingAdminPassword, asking, vault))),
      );
      return true;
    }
    console.log(`An earlier run was interrupted before it set the new password of ${own.user}; starting again.`);
  }

  const asking = await askingFor(previous);
  const findings = await look(db, own, asking, rotation);
  if (!(await isAccepted(findings, own.user, rotation))) return false;
  await alone(db, call, async () => {
    await refuseChanged(stack, vault);
    const next = pendingAdminPassword ?? randomBytes(24).toString("hex");
    await uninterrupted(() => changePassword(passwordChange(db, previous, next, asking, vault)));
  });
  return true;
}

/** Another run may have changed the password while this one watched. */
async function refuseChanged({ adminPassword, pendingAdminPassword }: ConfiguredStack, vault: Vault): Promise<void> {
  const { current = process.env.PGPASSWORD, pending: kept } = await vault.read();
  if (current === adminPassword && kept === pendingAdminPassword) return;
  throw new Error("nothing was changed: the stack's password was changed meanwhile; run this again");
}

function passwordChange(
  db: Queryable,
  previous: string | undefined,
  next: string,
  asking: Asking,
  vault: Vault,
): PasswordChange {
  const address = "address" in asking ? asking.address : undefined;
  const tried = address
    ? `At ${placeOf(address)} a login with the new password works${previous === undefined || previous === next ? "" : " and one with the previous is refused"}.`
    : "No login could test it: the server asks for no password at any address.";
  const said: Record<Step, string> = {
    kept: `The new password is kept in the stack as the secret ${pending}.`,
    changed: "The new password is set on the server.",
    verified: tried,
    promoted: "It is stored as the stack's secret app-roles:adminPassword.",
  };
  return { db, previous, next, asking: address, vault, call, reached: (step) => console.log(said[step]) };
}

/** Ignores Ctrl-C: the change takes seconds and must not stop halfway. */
async function uninterrupted(work: () => Promise<void>): Promise<void> {
  const stay = () => console.error("the password is being changed: this takes a few seconds");
  process.on("SIGINT", stay);
  try {
    await work();
  } finally {
    process.off("SIGINT", stay);
  }
}

const ignore = () => undefined;
const call: Pick<Call, "signal" | "report"> = {
  signal: new AbortController().signal,
  report: { info: ignore, warn: ignore, progress: (message) => console.error(message) },
};
