import { readLiveBudget } from "../../provider/budget/live-budget.ts";
import { findServer } from "../../provider/docker/find-server.ts";
import { ConnectionError, Server } from "../../provider/postgres/connection.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type Finding, ok, unknown, wrong } from "./finding.ts";
import { policyFinding, unboundedRoles } from "./policies.ts";

/** What the plugins together hold at the most. */
const needed = 2;

/** The way to the server, who the admin is there, the free slots, and the login roles that the policy pack refuses at the end. */
export async function server(stack: ConfiguredStack, hasPack: boolean): Promise<Finding[]> {
  const { server: declared, adminPassword, dockerHost } = stack;
  const unseen = (why: string) => [unknown("admin", why), unknown("slots", why)];
  const found = await findServer(declared, dockerHost).catch((error: Error) => error);
  if (found instanceof Error) {
    const next = "see which containers run: docker ps";
    return [wrong("server", found.message, next), ...unseen("the server was not found")];
  }
  const { host, port, user, sslmode, database } = found.admin;
  const admin = new Server({ ...found.admin, password: adminPassword ?? "" });
  const way = `${host}:${port}, database ${database}, sslmode ${sslmode}`;
  try {
    const [about, live] = await admin.session(undefined, async (db) => {
      const { rows } = await db.query<About>(
        `SELECT current_setting('server_version') AS version, rolsuper AS "isSuperuser", rolcreaterole AS "makesRoles"
         FROM pg_roles WHERE rolname = current_user`,
      );
      return [rows[0] as About, await readLiveBudget(db)] as const;
    });
    const { slots } = live;
    // This session is one of them, and one of the stack's would take its place.
    const free = slots.max - slots.used + 1;
    const counted = `${slots.used} of ${slots.max} in use`;
    return [
      ok("server", `PostgreSQL ${about.version} at ${way}`),
      adminFinding(user, about, declared.admin.superuser),
      free >= needed
        ? ok("slots", counted)
        : wrong("slots", counted, `the stack needs ${needed}: stop one service that holds idle sessions`),
      ...(hasPack && stack.migrationComplete ? unboundedRoles(stack, live.roles).map(policyFinding) : []),
    ];
  } catch (error) {
    const { message } = error as Error;
    const [said, next] =
      error instanceof ConnectionError ? [error.reason, error.next] : [message, "see the server's log"];
    return [wrong("server", said, next), ...unseen("no login")];
  } finally {
    await admin.close();
  }
}

interface About {
  version: string;
  isSuperuser: boolean;
  makesRoles: boolean;
}

function adminFinding(user: string, { isSuperuser, makesRoles }: About, declared: boolean): Finding {
  if (isSuperuser) return ok("admin", `${user}, a superuser`);
  if (declared) {
    const next = "log in as a superuser (server.admin.user), or say that it is none: server.admin.superuser: false";
    return wrong("admin", `${user} is no superuser`, next);
  }
  return makesRoles
    ? ok("admin", `${user}, no superuser, as declared; makes roles`)
    : wrong("admin", `${user} may not make roles`, `as a superuser: ALTER ROLE ${user} CREATEROLE`);
}
