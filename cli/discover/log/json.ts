import { addressOf, knownName, type LogEntry, type LogFormat, skippedLines, type Times } from "./entry.ts";

/** The keys of log_destination `jsonlog` (PostgreSQL 15 or later) that are read. */
interface JsonEntry {
  timestamp?: string;
  user?: string;
  dbname?: string;
  pid?: number;
  remote_host?: string;
  error_severity?: string;
  state_code?: string;
  message?: string;
  detail?: string;
  context?: string;
  statement?: string;
  application_name?: string;
}

/** The format of log_destination `jsonlog`: one object in each line. */
export class JsonFormat implements LogFormat {
  readonly #times: Times;
  #skipped = 0;

  constructor(times: Times) {
    this.#times = times;
  }

  push(line: string): LogEntry | undefined {
    const entry = parsed(line);
    if (!entry || typeof entry.message !== "string") {
      if (line !== "") this.#skipped++;
      return undefined;
    }
    return {
      at: this.#times.parse(entry.timestamp ?? ""),
      user: knownName(entry.user),
      database: knownName(entry.dbname),
      application: knownName(entry.application_name),
      address: addressOf(entry.remote_host),
      pid: entry.pid,
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
    return JSON.parse(line) as JsonEntry;
  } catch {
    return undefined;
  }
}
