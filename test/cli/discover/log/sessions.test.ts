import { expect, test } from "vitest";
import { CsvFormat } from "../../../../cli/discover/log/csv.ts";
import { type LogEntry, type LogFormat, Times } from "../../../../cli/discover/log/entry.ts";
import { JsonFormat } from "../../../../cli/discover/log/json.ts";
import { LoggedSessions } from "../../../../cli/discover/log/sessions.ts";
import { StderrFormat } from "../../../../cli/discover/log/stderr.ts";

/** The session of the last entry, after those before. */
function last(...entries: Partial<LogEntry>[]) {
  const sessions = new LoggedSessions();
  let found: ReturnType<LoggedSessions["of"]> | undefined;
  for (const each of entries) {
    const entry: LogEntry = { pid: 7, severity: "LOG", message: "statement: TABLE a", ...each };
    if (sessions.note(entry)) continue;
    found = sessions.of(entry);
    sessions.sent(entry, entry.message.replace(/^statement: /, ""));
  }
  return found;
}

const app = { user: "app", database: "shop", address: "10.0.0.5" };
const set = { ...app, session: "1.7", message: "statement: SET search_path = x" };

test("a session keeps its search_path", () => {
  expect(last(set, app, { ...app, session: "1.7" })?.searchPath).toBe("x");
});

test.each<[string, Partial<LogEntry>[]]>([
  ["another session id", [{ ...app, session: "2.7" }]],
  ["another user", [{ ...app, user: "batch" }]],
  ["another database", [{ ...app, database: "logs" }]],
  ["another address", [{ ...app, address: "10.0.0.6" }]],
  ["a login", [{ message: "connection authorized: user=app database=shop" }, app]],
  ["a disconnection", [{ message: "disconnection: session time: 0:00:00.001" }, app]],
  ["a restart", [{ pid: 1, message: "database system is ready to accept connections" }, app]],
  ["a crash", [{ pid: 1, message: "server process (PID 7) was terminated by signal 9: Killed" }, app]],
  ["a crash of all", [{ pid: 1, message: "all server processes terminated; reinitializing" }, app]],
])("a pid that is used again after %s has no search_path", (_, entries) => {
  expect(last(set, ...entries)).toMatchObject({ searchPath: undefined });
});

test("a pid that is used again has neither the user nor the address of the session before", () => {
  const login = { session: "1.7", message: "connection authorized: user=app database=shop application_name=web" };
  expect(last({ ...login, address: "10.0.0.5" }, { session: "1.7" })).toMatchObject({ ...app, application: "web" });
  expect(last({ ...login, address: "10.0.0.5" }, { session: "2.7" })).toEqual({});
  // log_connections = 'authorization' (PostgreSQL 18) does not log what was received.
  expect(last({ ...login, session: undefined, address: "10.0.0.5" }, { ...login, session: undefined }, {})).toEqual({
    user: "app",
    database: "shop",
    application: "web",
  });
});

test("a message that a function writes is no login", () => {
  const raised = { message: "connection authorized: user=postgres database=shop", hasContext: true };
  expect(last({ ...app, ...raised }, { pid: 7 })).toEqual({});
});

const times = new Times("UTC");
const at = "2026-06-20 14:02:11.123 UTC";
test.each<[string, LogFormat, string, string]>([
  [
    "csv",
    new CsvFormat(times),
    `${at},"app","shop",7,"[local]",6b06.7,1,"idle",2026-06-20 14:00:00 UTC,0/2,0,LOG,00000,"statement: TABLE a",,,,,,,,,"web","client backend",,0`,
    "6b06.7",
  ],
  [
    "json",
    new JsonFormat(times),
    `{"timestamp":"${at}","pid":7,"session_id":"6b06.7","message":"statement: TABLE a"}`,
    "6b06.7",
  ],
  ["%c", new StderrFormat("%m [%p] %c ", times), `${at} [7] 6b06.7 LOG:  statement: TABLE a`, "6b06.7"],
  [
    "%s",
    new StderrFormat("%m [%p] %s: ", times),
    `${at} [7] ${at.replace(".123", "")}: LOG:  statement: TABLE a`,
    "2026-06-20 14:02:11 UTC",
  ],
])("%s tells the session", (_, format, line, session) => {
  expect(format.push(line) ?? format.end()).toMatchObject({ pid: 7, session });
});
