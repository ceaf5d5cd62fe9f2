import { addressOf, knownName, type LogEntry, type Times } from "./entry.ts";

/** What each escape of log_line_prefix writes (PostgreSQL documentation, "Error Reporting and Logging"). */
const escapes: Record<string, { pattern: string; field?: Field }> = {
  a: { pattern: ".*?", field: "application" },
  u: { pattern: ".*?", field: "user" },
  d: { pattern: ".*?", field: "database" },
  r: { pattern: "\\S*?", field: "address" },
  h: { pattern: "\\S*?", field: "address" },
  L: { pattern: "\\S*?" },
  b: { pattern: ".*?" },
  p: { pattern: "\\d*", field: "pid" },
  P: { pattern: "\\d*" },
  t: { pattern: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\S+?", field: "time" },
  m: { pattern: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\S+?", field: "time" },
  n: { pattern: "\\d+\\.\\d{3}", field: "epoch" },
  Q: { pattern: "-?\\d+" },
  i: { pattern: ".*?" },
  e: { pattern: "[0-9A-Z]{5}", field: "code" },
  c: { pattern: "[0-9a-f]+\\.[0-9a-f]+", field: "session" },
  l: { pattern: "\\d+" },
  s: { pattern: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\S+?", field: "session" },
  v: { pattern: "\\S*?" },
  x: { pattern: "\\d+" },
};
type Field = "application" | "user" | "database" | "address" | "pid" | "session" | "time" | "epoch" | "code";

const severities =
  "DEBUG[1-5]?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION|BACKTRACE";

const notInName = /: {2}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/;

/** The first line of a message, or of a part of one such as its DETAIL. */
export type PrefixedLine = Omit<LogEntry, "detail" | "statement">;

/** A log_line_prefix, ready to read lines. */
export interface LinePrefix {
  /** The setting's value. */
  text: string;
  fields: Set<Field>;
  parse(line: string, times: Times): PrefixedLine | undefined;
  /** Parses the first line of a message in any language. */
  parseForeign(line: string, times: Times): PrefixedLine | undefined;
  /** Where a message begins in the text; -1: nowhere. */
  indexIn(text: string): number;
}

export function linePrefix(text: string): LinePrefix {
  const fields: Field[] = [];
  let pattern = "";
  let isOptional = false;
  for (const [part, padding, letter, literal] of text.matchAll(/%(-?\d+)?([A-Za-z%])|([\s\S])/g)) {
    if (literal !== undefined || letter === "%") pattern += (literal ?? "%").replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
    else if (letter === "q") {
      // Only sessions write the rest.
      if (!isOptional) pattern += "(?:";
      isOptional = true;
    } else {
      const known = escapes[letter as string];
      // Postgres writes nothing for an unknown escape.
      if (known === undefined || part === undefined) continue;
      const value = known.field && !fields.includes(known.field) ? `(${known.pattern})` : `(?:${known.pattern})`;
      if (known.field && !fields.includes(known.field)) fields.push(known.field);
      pattern += padding === undefined ? value : padding.startsWith("-") ? `${value} *` : ` *${value}`;
    }
  }
  const start = (severity: string) => `${pattern}${isOptional ? ")?" : ""}(${severity}):  ?`;
  const anywhere = new RegExp(start(severities));
  // log_error_verbosity = verbose adds the SQLSTATE.
  const message = "(?:(?=[A-Z]*\\d)([0-9A-Z]{5}): )?([\\s\\S]*)$";
  const line = new RegExp(`^${start(severities)}${message}`);
  const foreign = new RegExp(`^${start("\\p{L}[\\p{L} ]{0,30}")}${message}`, "u");
  const parsed = (match: RegExpExecArray | null, times: Times) => {
    if (!match) return;
    const value = (field: Field) => {
      const index = fields.indexOf(field);
      return index < 0 ? undefined : match[index + 1];
    };
    // A message without its end precedes this one, or the literals of the prefix are those of a statement.
    if ([value("user"), value("database"), value("application")].some((name = "") => notInName.test(name))) return;
    const pid = value("pid");
    const time = value("time");
    const epoch = value("epoch");
    return {
      severity: match[fields.length + 1] as string,
      message: match[fields.length + 3] as string,
      user: knownName(value("user")),
      database: knownName(value("database")),
      application: knownName(value("application")),
      address: addressOf(value("address")),
      pid: pid ? Number(pid) : undefined,
      session: value("session"),
      at: epoch ? new Date(Number(epoch) * 1000) : time ? times.parse(time) : undefined,
      code: value("code") ?? match[fields.length + 2],
    };
  };
  return {
    text,
    fields: new Set(fields),
    indexIn: (text) => text.search(anywhere),
    parse: (text, times) => parsed(line.exec(text), times),
    parseForeign: (text, times) => parsed(foreign.exec(text), times),
  };
}

/** A log_line_prefix that tells who sent a statement. */
export const recommendedPrefix = "%m [%p] %q%u@%d app=%a host=%h ";

/** Prefixes that are tried if the given one does not match: the default, Debian's, that of Amazon RDS, and pgBadger's. */
export const commonPrefixes = [
  "%m [%p] ",
  recommendedPrefix,
  "%m [%p] %q%u@%d ",
  "%t:%r:%u@%d:[%p]:",
  "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
];
