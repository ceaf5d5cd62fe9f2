import { readLiveBudget } from "../../provider/budget/live-budget.ts";
import { findServer } from "../../provider/docker/find-server.ts";
import { ConnectionError, Server } from "../../provider/postgres/connection.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type Finding, ok, unknown, wrong } from "./finding.ts";
import { policyFinding, unboundedRoles } from "./policies.ts";

/** The most connections that the plugins hold together. */
const needed = 2;

/** The server's address, the admin, the free connection slots, and login roles that the policy pack refuses once the migration is complete. */
export async function server(stack: ConfiguredStack, hasPack: boolean): Promise<Finding[]> {
  const { server: declared, adminPassword, dockerHost } = stack;
  const unseen = (why: string) => [unknown("admin", why), unknown("slots", why)];
  const found = await findServer(declared, dockerHost).catch((error: Error) => error);
  if (found instanceof Error) {
    const next = "check which containers run: docker ps";
    return [wrong("server", found.message, next), ...unseen("the server was not found")];
  }
  const { host, port, user, sslmode, database } = found.admin;
  const admin = new Server({ ...found.admin, password: adminPassword ?? "" });
  const address = `${host}:${port}, database ${database}, sslmode ${sslmode}`;
  try {
    const [about, live] = await admin.session(undefined, async (db) => {
      const { rows } = await db.query<About>(
        `SELECT current_setting('server_version') AS version, rolsuper AS "isSuperuser", rolcreaterole AS "canCreateRoles"
         FROM pg_roles WHERE rolname = current_user`,
      );
      return [rows[0] as About, await readLiveBudget(db)] as const;
    });
    const { slots } = live;
    // This session counts among the used ones, but ends before an up.
    const free = slots.max - slots.used + 1;
    const counted = `${slots.used} of ${slots.max} in use`;
    return [
      ok("server", `PostgreSQL ${about.version} at ${address}`),
      adminFinding(user, about, declared.admin.superuser),
      free >= needed
        ? ok("slots", counted)
        : wrong("slots", counted, `the stack needs ${needed}: stop one service that holds idle sessions`),
      ...(hasPack && stack.migrationComplete ? unboundedRoles(stack, live.roles).map(policyFinding) : []),
    ];
  } catch (error) {
    const { message } = error as Error;
    const [said, next] =
      error instanceof ConnectionError ? [error.reason, error.next] : [message, "check the server's log"];
    return [wrong("server", said, next), ...unseen("no login")];
  } finally {
    await admin.close();
  }
}

interface About {
  version: string;
  isSuperuser: boolean;
  canCreateRoles: boolean;
}

function adminFinding(user: string, { isSuperuser, canCreateRoles }: About, declared: boolean): Finding {
  if (isSuperuser) return ok("admin", `${user}, a superuser`);
  if (declared) {
    const next =
      "log in as a superuser (server.admin.user), or declare a non-superuser admin: server.admin.superuser: false";
    return wrong("admin", `${user} is not a superuser`, next);
  }
  return canCreateRoles
    ? ok("admin", `${user}, not a superuser, as declared; can create roles`)
    : wrong("admin", `${user} cannot create roles`, `as a superuser: ALTER ROLE ${user} CREATEROLE`);
}
