import { randomBytes } from "node:crypto";
import { scramVerifier } from "../../model/scram.ts";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { alone } from "../../provider/postgres/locks.ts";
import type { Call } from "../../provider/rpc/provider.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { during } from "../terminal/progress.ts";
import { isAccepted } from "./acceptance.ts";
import { type Asking, addressesOf, placeOf, whereAsked } from "./login.ts";
import { look } from "./look.ts";
import type { Rotation } from "./options.ts";
import { changePassword, finishChange, type PasswordChange, type Step } from "./password-change.ts";
import { refuseUnfit } from "./preconditions.ts";
import { readOwnPassword } from "./stored-password.ts";
import { pending, type Vault } from "./vault.ts";

/** Changes the password, or finishes what an earlier run began. False: something is not accepted, and nothing was changed. */
export async function rotate(db: Queryable, rotation: Rotation): Promise<boolean> {
  const { stack, vault } = rotation;
  const { adminPassword: former, pendingAdminPassword } = stack;
  const own = await readOwnPassword(db);
  refuseUnfit(own, stack);
  const addresses = addressesOf(stack.server);
  const askingFor = (password: string | undefined) =>
    during("trying where a password is asked for", () => whereAsked(addresses, password, own.identity));

  if (pendingAdminPassword !== undefined) {
    const asking = await askingFor(pendingAdminPassword);
    const isInForce =
      own.stored !== undefined ? own.stored === scramVerifier(pendingAdminPassword) : "address" in asking;
    if (isInForce) {
      console.log(`An earlier run has set the new password of ${own.user}: it is finished now.`);
      await alone(db, call, () =>
        uninterrupted(() => finishChange(passwordChange(db, former, pendingAdminPassword, asking, vault))),
      );
      return true;
    }
    console.log(`An earlier run was ended before it set the new password of ${own.user}: it begins again.`);
  }

  const asking = await askingFor(former);
  const findings = await look(db, own, asking, rotation);
  if (!(await isAccepted(findings, own.user, rotation))) return false;
  await alone(db, call, async () => {
    await refuseChanged(stack, vault);
    const next = pendingAdminPassword ?? randomBytes(24).toString("hex");
    await uninterrupted(() => changePassword(passwordChange(db, former, next, asking, vault)));
  });
  return true;
}

/** Another run may have come between, while this one watched. */
async function refuseChanged({ adminPassword, pendingAdminPassword }: ConfiguredStack, vault: Vault): Promise<void> {
  const { current = process.env.PGPASSWORD, pending: kept } = await vault.read();
  if (current === adminPassword && kept === pendingAdminPassword) return;
  throw new Error("nothing was changed: the stack's password was changed by somebody else meanwhile; run this again");
}

function passwordChange(
  db: Queryable,
  former: string | undefined,
  next: string,
  asking: Asking,
  vault: Vault,
): PasswordChange {
  const address = "address" in asking ? asking.address : undefined;
  const tried = address
    ? `At ${placeOf(address)} a login with the new password works${former === undefined || former === next ? "" : " and one with the former is refused"}.`
    : "No login could prove it: nowhere a password is asked for.";
  const said: Record<Step, string> = {
    kept: `The new password is kept in the stack as the secret ${pending}.`,
    changed: "The new password is set on the server.",
    verified: tried,
    promoted: "It is stored as the stack's secret app-roles:adminPassword.",
  };
  return { db, former, next, asking: address, vault, call, reached: (step) => console.log(said[step]) };
}

/** Nothing waits for long from here on, and half-way is the worst place to stop. */
async function uninterrupted(work: () => Promise<void>): Promise<void> {
  const stay = () => console.error("the password is being changed: this takes seconds and ends by itself");
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
