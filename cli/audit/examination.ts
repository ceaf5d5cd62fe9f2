import type { Queryable } from "../../provider/postgres/connection.ts";
import { isStandby } from "../../provider/postgres/databases.ts";
import { isLostConnection, readError } from "../postgres/lost-connection.ts";
import type { ReadOnlyServer } from "../postgres/read-only-server.ts";
import { checkAuthentication } from "./checks/authentication.ts";
import { checkConnections } from "./checks/connections.ts";
import { checkDrift } from "./checks/drift.ts";
import { checkLoginRoles, checkUnused } from "./checks/login-roles.ts";
import { checkPasswords } from "./checks/passwords.ts";
import { checkPublicAccess } from "./checks/public-access.ts";
import { checkReaders } from "./checks/readers.ts";
import { checkSuperuserSessions } from "./checks/superuser-sessions.ts";
import type { Context, Policy } from "./context.ts";
import { type CheckName, Findings } from "./finding.ts";
import { recordAudit } from "./history.ts";
import { type Login, readLogins } from "./logins.ts";
import type { Observations } from "./observation.ts";
import type { Subject } from "./subject.ts";

/** The result of an audit. */
export interface Audit {
  subject: Subject;
  /** `18.4`. */
  version: string;
  /** Its sessions are those of the standby, not of the primary. */
  isStandby: boolean;
  observations: Observations;
  logins: Login[];
  findings: Findings;
  at: Date;
}

export interface ExaminationOptions extends Policy {
  /** Ids of findings, or names of checks, to leave out. */
  ignore?: string[] | undefined;
  /** The file that records when audits saw sessions. */
  history?: string | undefined;
}

/**
 * Makes every check, after the sessions were observed. Changes nothing on the server. Throws when the server cannot be reached
 * or goes away; a check that fails for another reason is a result.
 *
 * @param progress receives what is being checked
 */
export async function examine(
  server: ReadOnlyServer,
  subject: Subject,
  observations: Observations,
  options: ExaminationOptions,
  progress: (message: string) => void = () => undefined,
): Promise<Audit> {
  const now = new Date();
  const { host, port } = server.address;
  const findings = new Findings(options.ignore);
  const facts = await server.anySession(readFacts).catch((error: unknown) => {
    throw readError("reading the login roles", server.address, error);
  });
  const history =
    options.history === undefined
      ? undefined
      : await recordAudit(options.history, `${host}:${port}`, observations, now);
  const context: Context = { server, subject, policy: options, observations, logins: facts.logins, history, now };
  if (facts.isStandby) {
    findings.note("the server is a standby: these are its own sessions; audit the primary too");
  }
  if (!subject.declared) {
    findings.note("no stack is declared here, so undeclared roles, drift and readers were not checked");
  }
  for (const [name, { check, words }] of Object.entries(all)) {
    progress(`checking ${words}`);
    try {
      await check(context, findings);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (isLostConnection(error)) throw readError(`checking ${words}`, server.address, error);
      findings.cannot(name as CheckName, message, "fix what the message names, then audit again");
    }
  }
  return { subject, ...facts, observations, findings, at: now };
}

async function readFacts(db: Queryable): Promise<Pick<Audit, "version" | "isStandby" | "logins">> {
  const { rows } = await db.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  return { version: rows[0]?.version ?? "", isStandby: await isStandby(db), logins: await readLogins(db) };
}

type Check = (context: Context, findings: Findings) => Promise<void>;

/** The checks by the name under which a failure of the whole check is reported. */
const all: Partial<Record<CheckName, { check: Check; words: string }>> = {
  "session-limit": { check: checkConnections, words: "connections" },
  "superuser-session": { check: checkSuperuserSessions, words: "superuser sessions" },
  "undeclared-login": { check: checkLoginRoles, words: "login roles" },
  "unused-role": { check: checkUnused, words: "unused roles" },
  drift: { check: checkDrift, words: "drift" },
  "reader-writes": { check: checkReaders, words: "readers" },
  "public-relation": { check: checkPublicAccess, words: "the privileges of PUBLIC" },
  "password-expiry": { check: checkPasswords, words: "passwords" },
  "trust-line": { check: checkAuthentication, words: "pg_hba.conf" },
};
