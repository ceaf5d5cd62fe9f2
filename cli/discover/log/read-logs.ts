import type { LogRead, Statement } from "../evidence.ts";
import { shapeOf } from "../statements/normalize.ts";
import type { ReadFile } from "./copies.ts";
import { type LogEntry, type LogFormat, Times } from "./entry.ts";
import { logFiles } from "./files.ts";
import { formatOf } from "./format-of.ts";
import { canBeForeign } from "./language.ts";
import { recommendedPrefix } from "./line-prefix.ts";
import { lines } from "./lines.ts";
import { loggedStatement } from "./logged-statement.ts";
import { LoggedSessions } from "./sessions.ts";

export interface LogOptions {
  /** log_line_prefix, for logs of log_destination stderr. @default "%m [%p] " */
  linePrefix?: string | undefined;
  /** log_timezone; without it only times in UTC and with a numeric offset are known. */
  timeZone?: string | undefined;
  /** Receives the file and the bytes read of it so far. */
  progress?: (file: string, bytes: number) => void;
  signal?: AbortSignal;
}

/** The most different statements that are kept, so that memory stays constant. */
const mostStatements = 100_000;
/** The most texts whose shape is remembered, since most statements are sent again and again. */
const mostShapes = 20_000;

/**
 * Reads the logs that `names` (--log) match, in any of the formats stderr, csvlog and jsonlog, and counts the statements in
 * them. Reads in a stream: memory depends on the number of different statements only. Throws if a file cannot be read.
 *
 * @example const { statements, problems } = await readLogs(["/var/log/postgresql"], { linePrefix: "%m [%p] %q%u@%d " });
 */
export async function readLogs(names: string[], options: LogOptions = {}): Promise<LogRead> {
  const times = new Times(options.timeZone);
  const reading = new Reading();
  for (const file of await logFiles(names, options)) {
    const format = await readFile(file, times, reading, options);
    for (const problem of format?.problems() ?? []) reading.problem(`${file.file}: ${problem}`);
  }
  if (times.unknown !== undefined) {
    reading.problem(`times in ${times.unknown} are left out: this time zone is not known (log_timezone)`);
  }
  return reading.result();
}

async function readFile(
  { file, copied }: ReadFile,
  times: Times,
  reading: Reading,
  options: LogOptions,
): Promise<LogFormat | undefined> {
  let format: LogFormat | undefined;
  let bytes = 0;
  const add = (entry: LogEntry | undefined) => {
    const at = entry?.at?.getTime();
    if (entry && (at === undefined || !copied.some(({ from, to }) => at >= from && at <= to))) reading.add(entry);
  };
  try {
    for await (const batch of lines(file)) {
      options.signal?.throwIfAborted();
      format ??= formatOf(batch.lines, times, options.linePrefix);
      for (const line of batch.lines) add(format.push(line));
      // A server ends every line.
      if (batch.isCut) reading.problem(`${file} ends in the middle of a line`);
      if (batch.hasGap) reading.problem(`${file} has a line that is too long to read`);
      bytes += batch.bytes;
      reading.bytes += batch.bytes;
      options.progress?.(file, bytes);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // gzip reports a file that ends too early, or is damaged: what was read counts.
    if (!code?.startsWith("Z_")) throw options.signal?.aborted ? error : new Error(`cannot read ${file}: ${message}`);
    reading.problem(`${file} cannot be read to its end: ${message}`);
  }
  add(format?.end());
  return format;
}

/** What has been read so far. */
class Reading {
  bytes = 0;
  readonly #sessions = new LoggedSessions();
  readonly #statements = new Map<string, Statement>();
  readonly #shapes = new Map<string, string>();
  readonly #problems = new Set<string>();
  #first: Date | undefined;
  #last: Date | undefined;
  #hasStatements = false;
  #cut = 0;
  #foreign = 0;
  #unnamed = 0;
  #unattributed = 0;
  #dropped = 0;

  problem(text: string): void {
    this.#problems.add(text);
  }

  add(entry: LogEntry): void {
    if (entry.at) {
      if (!this.#first || entry.at < this.#first) this.#first = entry.at;
      if (!this.#last || entry.at > this.#last) this.#last = entry.at;
    }
    if (entry.isTruncated) this.#cut++;
    if (this.#sessions.note(entry)) return;
    const logged = loggedStatement(entry);
    if (!logged) {
      if (canBeForeign(entry)) this.#foreign++;
      return;
    }
    if (logged.isEvery) this.#hasStatements = true;
    const session = this.#sessions.of(entry);
    const { user, database, application, address } = session;
    if (entry.user === undefined || entry.database === undefined) this.#unnamed++;
    if (user === undefined || database === undefined) {
      this.#unattributed++;
      return;
    }
    this.#sessions.sent(entry, logged.text);
    const shape = this.#shape(logged.text);
    const key = [database, user, application, address, session.searchPath ?? "\0", shape].join("\0");
    let statement = this.#statements.get(key);
    if (!statement) {
      if (this.#statements.size >= mostStatements) {
        this.#dropped++;
        return;
      }
      statement = { text: logged.text, database, user, application, address, count: 0, source: "log" };
      if (session.searchPath !== undefined) statement.searchPath = session.searchPath;
      this.#statements.set(key, statement);
    }
    statement.count += logged.count;
    statement.pid = entry.pid;
    if (entry.isTruncated) statement.isTruncated = true;
    if (logged.parameters && !statement.parameters) {
      statement.text = logged.text;
      statement.parameters = logged.parameters;
    }
    if (entry.at && (!statement.at || entry.at > statement.at)) statement.at = entry.at;
  }

  #shape(text: string): string {
    let shape = this.#shapes.get(text);
    if (shape === undefined) {
      shape = shapeOf(text);
      if (this.#shapes.size >= mostShapes) this.#shapes.clear();
      if (text.length < 10_000) this.#shapes.set(text, shape);
    }
    return shape;
  }

  result(): LogRead {
    if (this.#cut > 0) {
      const which =
        this.#cut === 1
          ? "message is longer than a megabyte, and its end is"
          : "messages are longer than a megabyte, and their ends are";
      this.problem(`${this.#cut} ${which} not read`);
    }
    if (this.#foreign > 0) {
      const count = `${this.#foreign} ${this.#foreign === 1 ? "message is" : "messages are"}`;
      this.problem(`${count} not in English, and their statements are not read: set lc_messages = 'C'`);
    }
    if (this.#unnamed > 0) {
      const left = this.#unattributed > 0 ? `, and ${this.#unattributed} of them are left out` : "";
      this.problem(
        `${this.#unnamed} statements have no user and database in the log${left}: set log_line_prefix = '${recommendedPrefix}'`,
      );
    }
    if (this.#dropped > 0) {
      this.problem(
        `only the first ${mostStatements} different statements are kept; ${this.#dropped} further ones are not`,
      );
    }
    // Of a statement that failed each time, or was only prepared, only its existence is known.
    const statements = [...this.#statements.values()].map((one) => ({ ...one, count: Math.max(one.count, 1) }));
    return {
      statements,
      first: this.#first,
      last: this.#last,
      bytes: this.bytes,
      problems: [...this.#problems],
      hasStatements: this.#hasStatements,
      logins: this.#sessions.logins(),
    };
  }
}
