import { ConnectionError, Server } from "../../provider/postgres/connection.ts";
import { state } from "../doctor/state.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type Deployed, unappliedSwitches } from "./services.ts";
import type { OwnPassword } from "./stored-password.ts";
import { pending } from "./vault.ts";

/** An up that runs, or one that was killed, would come across the new password half-way. */
export async function refuseBusy(name: string, { pendingAdminPassword }: ConfiguredStack): Promise<void> {
  // What a killed up left open in the state does not keep an earlier run from being finished: no up could mend it before.
  const isBegun = pendingAdminPassword !== undefined;
  const wrong = (await state(name)).filter((each) => each.state === "wrong" && !(isBegun && each.what === "state"));
  if (wrong.length === 0) return;
  const locked = "wait for that process if it runs, else: pulumi cancel; then run this again";
  const reasons = wrong.map(({ what, found, next }) => `${what}: ${found}\n  ${what === "lock" ? locked : next}`);
  throw new Error(`nothing was changed:\n${reasons.join("\n")}`);
}

export function refuseUnapplied(stack: ConfiguredStack, deployed: Deployed): void {
  const services = unappliedSwitches(stack, deployed);
  if (services.length === 0) return;
  throw new Error(
    `nothing was changed: connectAs of ${services.join(", ")} was set and no up has run since; run pulumi up first, so that it is known what they log in as`,
  );
}

/** Logs in with the password in force: the stack's, or the one that a rotation was about to set. */
export async function openServer({ server, adminPassword, pendingAdminPassword }: ConfiguredStack): Promise<Server> {
  const passwords = [pendingAdminPassword, adminPassword ?? ""].filter((password) => password !== undefined);
  let refused: unknown;
  for (const password of passwords) {
    const admin = new Server({ ...server.admin, password });
    try {
      await admin.session(undefined, (db) => db.query("SELECT"));
      return admin;
    } catch (error) {
      await admin.close();
      if (!(error instanceof ConnectionError) || error.code !== "28P01") throw error;
      refused = error;
    }
  }
  if (pendingAdminPassword === undefined) throw refused;
  throw new Error(
    `a rotation was begun, and the server takes neither the stack's password nor the one it was about to set: somebody set another. Give that one: pulumi config set --secret adminPassword, then pulumi config rm ${pending}`,
  );
}

/** What keeps a new password from being set, or from being of use. */
export function refuseUnfit(
  { user, endsAt, hasEnded, isReadOnly, isStandby }: OwnPassword,
  { server }: ConfiguredStack,
): void {
  const { host, port, user: declared } = server.admin;
  const problem = isStandby
    ? `${host}:${port} is a standby, where no password can be set: point app-roles:server.admin at the primary`
    : isReadOnly
      ? `sessions of ${user} are read only (default_transaction_read_only): no password can be set`
      : user !== declared
        ? `the login as ${declared} became ${user} (pg_ident.conf, or a pooler): point app-roles:server.admin at the server itself`
        : hasEnded
          ? `the password of ${user} ended at ${endsAt}, a new one would too: ALTER ROLE ... VALID UNTIL 'infinity' first`
          : undefined;
  if (problem !== undefined) throw new Error(`nothing was changed: ${problem}`);
}
