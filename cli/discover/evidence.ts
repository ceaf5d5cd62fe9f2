import type { Grants } from "../../model/grants.ts";
import type { Access, Migrates } from "../../model/stack.ts";

/** A statement that a session was seen to send; identical ones are counted together. */
export interface Statement {
  /** As it was sent, with its literals: never print or save it. `Use.example` is the printable form. */
  text: string;
  database: string;
  user: string;
  application?: string | undefined;
  /** The client's address, as `%h` in the log or pg_stat_activity.client_addr. Undefined: a Unix socket, or not known. */
  address?: string | undefined;
  /** Of the last session that sent it. */
  pid?: number | undefined;
  /** When it was last seen. */
  at?: Date | undefined;
  count: number;
  source: "session" | "log";
  /** The text is a log's and longer than what is kept of it. */
  isTruncated?: boolean | undefined;
  /** Values of $1, $2, ... of the last execution, where the log has them. */
  parameters?: (string | null)[] | undefined;
  /** What the session itself had set search_path to. Undefined: the setting that it logged in with. */
  searchPath?: string | undefined;
}

/** `certain`: a statement needs it. `likely`: a function's body may need it, or the name was resolved by an assumption. */
export type Certainty = "certain" | "likely";

/** The kinds of objects that a statement needs privileges on, or the ownership of. */
export type UsedKind = "database" | "schema" | "table" | "sequence" | "function" | "type" | "other";

/** A privilege that statements needed on an object. */
export interface Use {
  /** `table` includes views, materialized views, partitions and hypertables; `other` is an object of any further kind. */
  kind: UsedKind;
  /** Empty for a database, a schema or an object without one. */
  schema: string;
  /** Without quotes; of a function with its argument types: `touch(integer,text)`. */
  name: string;
  /** SQL's name: SELECT, USAGE, EXECUTE, MAINTAIN, ...; OWNER for what only the owner can do; VACUUM for what is skipped otherwise. */
  privilege: string;
  /** The columns named, of a table. Undefined: unknown or the whole table. */
  columns?: string[] | undefined;
  count: number;
  /** Undefined: never dated. */
  last?: Date | undefined;
  /** A statement that needs it, with its literals replaced by $1, $2, ... */
  example: string;
  certainty: Certainty;
  /** The view or function through which it is needed. Undefined: the statement itself. */
  via?: string | undefined;
}

/** Statements whose needs are not known, or known in part only. */
export interface Unknown {
  /** "the text was cut off (track_activity_query_size = 1024)". */
  reason: string;
  /** With its literals replaced; of a text that cannot be parsed its first words. */
  example: string;
  count: number;
  last?: Date | undefined;
}

/** A setting that sessions change themselves. */
export interface SessionSetting {
  name: string;
  value: string;
  /** SET LOCAL ends with its transaction; SET outlives it, and a pooler in transaction mode loses it. */
  isLocal: boolean;
  count: number;
}

/** Habits of sessions besides the use of objects. */
export interface Habits {
  /** Channels of LISTEN. */
  listens: string[];
  /** Channels of NOTIFY and pg_notify; `*` if one is computed. */
  notifies: string[];
  sessionAdvisoryLocks: number;
  transactionAdvisoryLocks: number;
  /** `COPY tickets.t1 FROM STDIN`. */
  copies: string[];
  temporaryTables: string[];
  settings: SessionSetting[];
  /** Roles of SET ROLE and SET SESSION AUTHORIZATION. */
  becomes: string[];
  /** PREPARE in SQL, and cursors WITH HOLD. */
  hasSessionState: boolean;
}

/**
 * The work of one service in one database.
 * @public
 */
export interface Evidence {
  database: string;
  /** Statements that were seen, counted each time. */
  statements: number;
  /** One for each object, privilege and `via`, most used first. */
  uses: Use[];
  /** DDL statements: normalized text, count, last time. */
  ddl: { example: string; count: number; last?: Date | undefined }[];
  habits: Habits;
  /** Session state that a pooler in transaction mode breaks, in words: "LISTEN tickets", "session-level advisory locks". */
  breaksPooling: string[];
  unknown: Unknown[];
}

/**
 * How much of a service's work was watched.
 * @public
 */
export interface Watch {
  /** Whether every DDL statement was seen: a log with log_statement ddl, mod or all. Samples of sessions miss short ones. */
  isComplete: boolean;
  /** Whether a start of the service was watched, since migrations run at start. */
  sawStart: boolean;
}

/** A statement about a service, with what it is based on. */
export interface Reason {
  /**
   * `access`, `migrates`, `alsoOwn`, the path below grants (`tables.public.schema_migrations`), `superuser`: a privilege that no
   * proposal can give it, `skipped`: what is not done without ownership, `hides DDL`: why it is not known whether it
   * migrates although all was seen, or `unknown`: why a statement is not known.
   */
  subject: string;
  /** "INSERT on tracksolid.position_history, 312 times, last 14:02 (UTC)". */
  line: string;
  /** The line without how often and when, which are not the same in every discovery. */
  what: string;
  certainty: Certainty;
}

/**
 * What a service needs in one database.
 * @public
 */
export interface Need {
  access: Access;
  migrates: Migrates;
  /** Privileges beyond the access level, in the format of app-roles:roles.*.grants.*; {} if none. */
  grants: Grants;
  /** Objects outside the schemas that it must own: app-roles:databases.*.alsoOwn. */
  alsoOwn: string[];
  reasons: Reason[];
}

/**
 * What a log contained.
 * @public
 */
export interface LogRead {
  /** Identical ones counted together, for each database, user, application and address. */
  statements: Statement[];
  /** The time of the first and last line. */
  first?: Date | undefined;
  last?: Date | undefined;
  bytes: number;
  /** Problems, each named once: "log_line_prefix has no %u: ...". */
  problems: string[];
  /** Whether log_statement logged some; with log_min_duration_statement alone only slow ones are. */
  hasStatements: boolean;
  /** Logins that the log has: log_connections. */
  logins: {
    database: string;
    user: string;
    application?: string | undefined;
    address?: string | undefined;
    count: number;
  }[];
}

/** A refused statement of a replay. */
export interface Denied {
  role: string;
  /** Normalized. */
  example: string;
  /** What Postgres said. */
  message: string;
  code: string;
  count: number;
}

/** Table privileges of one role, in one database. */
export interface Usage {
  role: string;
  used: number;
  granted: number;
  /** Privileges that were not used and that the access level does not imply: "UPDATE on tickets.t1". */
  extra: string[];
}

/**
 * The result of running the recorded statements as the proposed roles.
 * @public
 */
export interface Replayed {
  database: string;
  /** Different statements that were tried. */
  tried: number;
  denied: Denied[];
  /** Not tried, or refused for another reason than privileges. */
  untried: Unknown[];
  usage: Usage[];
}

/** `312 times`, `once`. */
function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** "INSERT on tracksolid.position_history", "ownership of schema tickets". */
export function useText(use: Pick<Use, "kind" | "schema" | "name" | "privilege" | "via">): string {
  const name = use.schema === "" ? use.name : `${use.schema}.${use.name}`;
  const object = use.kind === "table" ? name : `${use.kind} ${name}`;
  const what = use.privilege === "OWNER" ? `ownership of ${object}` : `${use.privilege} on ${object}`;
  return use.via === undefined ? what : `${what} through ${use.via}`;
}

/** "INSERT on tracksolid.position_history, 312 times, last 14:02", in UTC; the date too if it was not on the day of `now`. */
export function evidenceLine(
  use: Pick<Use, "kind" | "schema" | "name" | "privilege" | "count" | "last" | "via">,
  now: Date,
): string {
  return seenLine(useText(use), use, now);
}

/** What was seen, with how often and when. */
export function seenLine(what: string, { count, last }: Pick<Use, "count" | "last">, now: Date): string {
  return [what, times(count), ...(last ? [`last ${timeOf(last, now)}`] : [])].join(", ");
}

function timeOf(at: Date, now: Date): string {
  const [day, time] = at.toISOString().split("T") as [string, string];
  const clock = time.slice(0, 5);
  return now.toISOString().startsWith(day) ? clock : `${day} ${clock}`;
}
