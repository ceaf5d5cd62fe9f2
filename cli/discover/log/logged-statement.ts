import type { LogEntry } from "./entry.ts";

/** A statement in a log message. */
export interface LoggedStatement {
  text: string;
  parameters?: (string | null)[] | undefined;
  /** 0 for a part of an execution that has, or will have, a message of its own. */
  count: 0 | 1;
  /** Logged by log_statement, so every one is; else only those that took long. */
  isEvery: boolean;
}

const commands =
  "ABORT ALTER ANALY[SZ]E BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE TRUNCATE UNLISTEN UPDATE VACUUM VALUES WITH";

/** The beginning of a statement, after spaces, parentheses and comments. */
export const sqlStart = new RegExp(
  `^(?:[\\s(;]|--[^\\n]*\\n|/\\*[\\s\\S]*?\\*/)*(?:${commands.replaceAll(" ", "|")})\\b`,
  "i",
);

const statement = /^(duration: [\d.]+ ms {2})?statement: ([\s\S]+)$/;
/** The most colons at which a name can end, since each takes time. */
const mostColons = 100;
/** The name of a prepared statement and its text follow. */
const protocol = /^(duration: [\d.]+ ms {2})?(execute fetch from|execute|parse|bind) /;
const sqlNext = new RegExp(sqlStart.source.slice(1), "iy");
/** No statement begins with a digit or a quote. */
const wordNext = /[\s(/;-]*[A-Za-z]/y;
/** What can have a colon and a space in a statement. */
const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--.*|\/\*[\s\S]*?\*\//g;

/** The statement that a message reports; undefined if it reports none. */
export function loggedStatement({
  severity,
  code,
  message,
  detail,
  statement: failed,
}: LogEntry): LoggedStatement | undefined {
  const simple = statement.exec(message);
  if (simple) {
    const isEvery = simple[1] === undefined;
    // EXECUTE of a statement that was prepared in SQL.
    const prepared = /^prepare: ([\s\S]+)$/i.exec(detail ?? "")?.[1];
    return { text: prepared ?? (simple[2] as string), count: 1, isEvery };
  }
  const extended = protocol.exec(message);
  const text = extended ? textOf(message.slice(extended[0].length)) : undefined;
  if (extended && text !== undefined) {
    const count = extended[2] === "execute" ? 1 : 0;
    return { text, parameters: parametersOf(detail), count, isEvery: extended[1] === undefined };
  }
  // A statement that failed on its data needed its privileges; one that failed on its syntax, objects or privileges is no use.
  if (severity !== "ERROR" || failed === undefined || isMistake(code, message)) return undefined;
  return { text: failed, count: 0, isEvery: false };
}

/** The text in `name: text`. The name can contain anything, also `: ` and SQL. */
function textOf(named: string): string | undefined {
  const starts = startsOf(named, sqlNext);
  if (starts.length > 1) {
    const whole = starts.find((at) => startsOf(named.slice(at).replace(quoted, ""), sqlNext).length === 0);
    if (whole !== undefined) return named.slice(whole);
  }
  const [at] = starts.length > 0 ? starts : startsOf(named, wordNext);
  return at === undefined ? undefined : named.slice(at);
}

/** Where `next` matches after one of the first colons with a space. */
function startsOf(text: string, next: RegExp): number[] {
  const starts: number[] = [];
  let colon = -1;
  for (let count = 0; count < mostColons; count++) {
    colon = text.indexOf(": ", colon + 1);
    if (colon < 0) break;
    next.lastIndex = colon + 2;
    if (next.test(text)) starts.push(colon + 2);
  }
  return starts;
}

function isMistake(code: string | undefined, message: string): boolean {
  return code === undefined
    ? /does not exist|syntax error|permission denied|must be owner|already exists|is ambiguous/.test(message)
    : /^(42|3F|3D|28|25|0A)/.test(code);
}

/** Parses `parameters: $1 = 'it''s', $2 = NULL`; undefined if there are none. */
function parametersOf(detail: string | undefined): (string | null)[] | undefined {
  const list = /^parameters: ([\s\S]+)$/i.exec(detail ?? "")?.[1];
  if (list === undefined) return undefined;
  const found: (string | null)[] = [];
  for (const [, number, text] of list.matchAll(/\$(\d+) = (?:NULL|'((?:[^']|'')*)')/g)) {
    // log_parameter_max_length cuts values off.
    found[Number(number) - 1] = text === undefined || text.endsWith("...") ? null : text.replaceAll("''", "'");
  }
  return Array.from(found, (value) => value ?? null);
}
