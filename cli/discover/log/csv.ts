import {
  addressOf,
  knownName,
  type LogEntry,
  type LogFormat,
  longestMessage,
  skippedLines,
  type Times,
} from "./entry.ts";

/** The beginning of a record: its time, then the user. */
export const csvStart = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^",\s]+,(?:"|,)/;

/**
 * The columns of a record up to the beginning of its message. Nothing inside a quoted field is like this, since an odd number of
 * quotes begins the message, and inside a field each quote is doubled.
 */
const recordStart =
  /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^",\s]+(?:,(?:"[^"]*(?:""[^"]*)*")?){2},\d*,(?:"[^"]*(?:""[^"]*)*")?,[0-9a-f.]*,\d*,(?:"[^"]*(?:""[^"]*)*")?,[^",]*,[^",]*,\d*,[^",]+,[0-9A-Z]{5},"(?:"")*[^",]/;
const lineStart = new RegExp(`^${recordStart.source}`);

/** Positions in a record, the same from PostgreSQL 9 to 18; later versions add columns at the end. */
const column = {
  at: 0,
  user: 1,
  database: 2,
  pid: 3,
  from: 4,
  session: 5,
  severity: 11,
  code: 12,
  message: 13,
  detail: 14,
  context: 18,
  query: 19,
  application: 22,
};

/** The columns of PostgreSQL 14 to 18. */
const columns = 26;

/** The format of log_destination `csvlog`, whose quoted fields can contain newlines. */
export class CsvFormat implements LogFormat {
  readonly #times: Times;
  #lines: string[] = [];
  #count = 0;
  #length = 0;
  #isOpen = false;
  #skipped = 0;

  constructor(times: Times) {
    this.#times = times;
  }

  push(line: string): LogEntry | undefined {
    // The open record has no end: the server crashed, or a part of the file was cut out.
    if (this.#isOpen && lineStart.test(line)) this.end();
    // A file can begin in the middle of a record.
    if (!this.#isOpen && !csvStart.test(line)) {
      if (line !== "") this.#skipped++;
      return undefined;
    }
    if (this.#length < longestMessage) this.#lines.push(line);
    this.#count++;
    this.#length += line.length;
    if (quotes(line) % 2 === 1) this.#isOpen = !this.#isOpen;
    if (this.#isOpen) return undefined;
    const record = this.#lines.join("\n");
    const isTruncated = this.#count > this.#lines.length;
    const entry = this.#entry(record, isTruncated);
    if (!entry) this.#skipped += this.#count;
    this.#clear();
    return entry;
  }

  /** A record without its end is dropped. */
  end(): undefined {
    this.#skipped += this.#count;
    this.#clear();
  }

  problems(): string[] {
    return skippedLines(this.#skipped);
  }

  #clear(): void {
    this.#lines = [];
    this.#count = 0;
    this.#length = 0;
    this.#isOpen = false;
  }

  #entry(record: string, isTruncated: boolean): LogEntry | undefined {
    const fields = fieldsOf(record, isTruncated);
    // A record without its end can be followed by the next one on the same line.
    if (!fields || (fields.length !== columns && !isTruncated && recordStart.test(record.slice(1)))) return undefined;
    const value = (name: keyof typeof column) => fields[column[name]];
    const message = value("message");
    if (message === undefined || !/^[0-9A-Z]{5}$/.test(value("code") ?? "")) return undefined;
    const from = value("from") ?? "";
    const query = value("query");
    return {
      at: this.#times.parse(value("at") ?? ""),
      user: knownName(value("user")),
      database: knownName(value("database")),
      application: knownName(value("application")),
      address: addressOf(from.replace(/:\d+$/, "")),
      pid: Number(value("pid")) || undefined,
      session: value("session"),
      severity: value("severity") ?? "",
      code: value("code"),
      message,
      detail: value("detail") || undefined,
      statement: query || undefined,
      hasContext: Boolean(value("context")),
      isTruncated,
    };
  }
}

function quotes(line: string): number {
  let count = 0;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) count++;
  return count;
}

/** The fields of a record; undefined if it is none. @param isCut whether its last field can lack its end */
function fieldsOf(record: string, isCut: boolean): string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (record[at] === '"') {
      let end = at + 1;
      for (;;) {
        end = record.indexOf('"', end);
        if (end < 0) return isCut ? [...fields, record.slice(at + 1).replaceAll('""', '"')] : undefined;
        if (record[end + 1] !== '"') break;
        end += 2;
      }
      fields.push(record.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1;
    } else {
      const end = record.indexOf(",", at);
      fields.push(record.slice(at, end < 0 ? undefined : end));
      at = end < 0 ? record.length : end;
    }
    if (at === record.length) return fields;
    if (record[at] !== ",") return undefined;
    at++;
  }
}
