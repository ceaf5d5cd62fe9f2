import { addressOf, knownName, type LogEntry, type LogFormat, skippedLines, type Times } from "./entry.ts";

/** The keys of log_destination `jsonlog` (PostgreSQL 15 or later) that are read. */
interface JsonEntry {
  timestamp?: string;
  user?: string;
  dbname?: string;
  pid?: number;
  session_id?: string;
  remote_host?: string;
  error_severity?: string;
  state_code?: string;
  message: string;
  detail?: string;
  context?: string;
  statement?: string;
  application_name?: string;
}

/** The beginning of an object. Nothing inside one is like this, since its strings have no quote without a backslash. */
const start = '{"timestamp":"';

/** The format of log_destination `jsonlog`: one object in each line. */
export class JsonFormat implements LogFormat {
  readonly #times: Times;
  #skipped = 0;

  constructor(times: Times) {
    this.#times = times;
  }

  push(line: string): LogEntry | undefined {
    let entry = parsed(line);
    if (!entry) {
      if (line === "") return undefined;
      this.#skipped++;
      // The next object is on the same line as one without its end: the server crashed, or the disk was full.
      const next = line.lastIndexOf(start);
      entry = next > 0 ? parsed(line.slice(next)) : undefined;
      if (!entry) return undefined;
    }
    return {
      at: this.#times.parse(entry.timestamp ?? ""),
      user: knownName(entry.user),
      database: knownName(entry.dbname),
      application: knownName(entry.application_name),
      address: addressOf(entry.remote_host),
      pid: entry.pid,
      session: entry.session_id,
      severity: entry.error_severity ?? "",
      code: entry.state_code,
      message: entry.message,
      detail: entry.detail,
      statement: entry.statement,
      hasContext: entry.context !== undefined,
    };
  }

  end(): undefined {}

  problems(): string[] {
    return skippedLines(this.#skipped);
  }
}

function parsed(line: string): JsonEntry | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const entry = JSON.parse(line) as JsonEntry;
    return typeof entry.message === "string" ? entry : undefined;
  } catch {
    return undefined;
  }
}
