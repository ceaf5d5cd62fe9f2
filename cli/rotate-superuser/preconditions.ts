import { ConnectionError, Server } from "../../provider/postgres/connection.ts";
import { state } from "../doctor/state.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type Deployed, unappliedSwitches } from "./services.ts";
import type { OwnPassword } from "./stored-password.ts";
import { pending } from "./vault.ts";

/** Refuses while an up runs or is incomplete: it could use either password. */
export async function refuseBusy(name: string, { pendingAdminPassword }: ConfiguredStack): Promise<void> {
  // A killed up does not prevent finishing an earlier run: no up can succeed before that.
  const isBegun = pendingAdminPassword !== undefined;
  const wrong = (await state(name)).filter((each) => each.state === "wrong" && !(isBegun && each.what === "state"));
  if (wrong.length === 0) return;
  const locked = "wait for that process if it is running, otherwise run pulumi cancel; then run this again";
  const reasons = wrong.map(({ what, found, next }) => `${what}: ${found}\n  ${what === "lock" ? locked : next}`);
  throw new Error(`nothing was changed:\n${reasons.join("\n")}`);
}

export function refuseUnapplied(stack: ConfiguredStack, deployed: Deployed): void {
  const services = unappliedSwitches(stack, deployed);
  if (services.length === 0) return;
  throw new Error(
    `nothing was changed: connectAs of ${services.join(", ")} was set and no up has run since; run pulumi up first, so that their login is known`,
  );
}

/** Logs in with the password in force: the stack's, or the pending one of an interrupted rotation. */
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
    `a rotation was interrupted, and the server accepts neither the stack's password nor the pending one: someone set another. Set that one: pulumi config set --secret adminPassword, then pulumi config rm ${pending}`,
  );
}

/** Refuses if a new password could not be set or used. */
export function refuseUnfit(
  { user, endsAt, hasExpired, isReadOnly, isStandby }: OwnPassword,
  { server }: ConfiguredStack,
): void {
  const { host, port, user: declared } = server.admin;
  const problem = isStandby
    ? `${host}:${port} is a standby, where no password can be set: set app-roles:server.admin to the primary`
    : isReadOnly
      ? `sessions of ${user} are read-only (default_transaction_read_only): no password can be set`
      : user !== declared
        ? `the login as ${declared} became ${user} (pg_ident.conf, or a pooler): set app-roles:server.admin to the server itself`
        : hasExpired
          ? `the password of ${user} expired at ${endsAt}, and so would a new one: run ALTER ROLE ... VALID UNTIL 'infinity' first`
          : undefined;
  if (problem !== undefined) throw new Error(`nothing was changed: ${problem}`);
}
