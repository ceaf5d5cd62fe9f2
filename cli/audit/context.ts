import type { Server } from "../../provider/postgres/connection.ts";
import type { History } from "./history.ts";
import type { Login } from "./logins.ts";
import type { Observations } from "./observation.ts";
import type { Subject } from "./subject.ts";

/** Limits that the user sets. */
export interface Policy {
  /** Days without a seen session after which a login role is unused. Undefined: not checked. */
  unusedDays?: number | undefined;
  /** Days after which a password is old. Undefined: not checked. */
  maxPasswordAge?: number | undefined;
  /** Whether every login role needs a VALID UNTIL. */
  requireExpiry?: boolean | undefined;
}

/** Facts that every check can use. */
export interface Context {
  server: Server;
  subject: Subject;
  policy: Policy;
  observations: Observations;
  /** The server's roles that can log in. */
  logins: Login[];
  /** Earlier audits, with `--history`. */
  history: History | undefined;
  /** The time of the audit. */
  now: Date;
}
