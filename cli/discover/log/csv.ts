import { addressOf, knownName, type LogEntry, type LogFormat, longestMessage, type Times } from "./entry.ts";

/** The beginning of a record: its time, then the user. */
export const csvStart = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^",]+,(?:"|,)/;

/** Positions in a record, the same from PostgreSQL 9 to 18; later versions add columns at the end. */
const column = {
  at: 0,
  user: 1,
  database: 2,
  pid: 3,
  from: 4,
  severity: 11,
  code: 12,
  message: 13,
  detail: 14,
  query: 19,
  application: 22,
};

/** The format of log_destination `csvlog`, whose quoted fields can contain newlines. */
export class CsvFormat implements LogFormat {
  skipped = 0;
  readonly #times: Times;
  #lines: string[] = [];
  #length = 0;
  #isOpen = false;

  constructor(times: Times) {
    this.#times = times;
  }

  push(line: string): LogEntry | undefined {
    // A file can begin in the middle of a record.
    if (!this.#isOpen && !csvStart.test(line)) {
      if (line !== "") this.skipped++;
      return undefined;
    }
    if (this.#length < longestMessage) this.#lines.push(line);
    this.#length += line.length;
    if (quotes(line) % 2 === 1) this.#isOpen = !this.#isOpen;
    if (this.#isOpen) return undefined;
    const record = this.#lines.join("\n");
    const isTruncated = this.#length > record.length;
    this.#lines = [];
    this.#length = 0;
    return this.#entry(fieldsOf(record), isTruncated);
  }

  /** A record without its end is dropped. */
  end(): undefined {
    if (this.#isOpen) this.skipped += this.#lines.length;
    this.#lines = [];
    this.#isOpen = false;
  }

  #entry(fields: string[], isTruncated: boolean): LogEntry | undefined {
    const value = (name: keyof typeof column) => fields[column[name]];
    const message = value("message");
    if (message === undefined) {
      this.skipped++;
      return undefined;
    }
    const from = value("from") ?? "";
    const query = value("query");
    return {
      at: this.#times.parse(value("at") ?? ""),
      user: knownName(value("user")),
      database: knownName(value("database")),
      application: knownName(value("application")),
      address: addressOf(from.replace(/:\d+$/, "")),
      pid: Number(value("pid")) || undefined,
      severity: value("severity") ?? "",
      code: value("code"),
      message,
      detail: value("detail") || undefined,
      statement: query || undefined,
      isTruncated,
    };
  }
}

function quotes(line: string): number {
  let count = 0;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) count++;
  return count;
}

/** The fields of a record; one that is not closed ends with the text. */
function fieldsOf(record: string): string[] {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (record[at] === '"') {
      let end = at + 1;
      for (;;) {
        end = record.indexOf('"', end);
        if (end < 0) return [...fields, record.slice(at + 1).replaceAll('""', '"')];
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
    if (record[at] !== ",") return fields;
    at++;
  }
}
