/** One message of a server log, in whichever format. */
export interface LogEntry {
  at?: Date | undefined;
  user?: string | undefined;
  database?: string | undefined;
  application?: string | undefined;
  /** Without its port; undefined for a Unix socket. */
  address?: string | undefined;
  pid?: number | undefined;
  /** Identifies the session, or says when it began: two sessions can have one pid after each other. */
  session?: string | undefined;
  /** LOG, ERROR, FATAL, ... */
  severity: string;
  /** SQLSTATE. */
  code?: string | undefined;
  message: string;
  detail?: string | undefined;
  /** The statement that caused an error. */
  statement?: string | undefined;
  /** Whether it comes from inside a statement, such as a function. */
  hasContext?: boolean | undefined;
  /** The message was longer than the reader keeps. */
  isTruncated?: boolean | undefined;
}

/** Reads lines of one format; a message can span several. */
export interface LogFormat {
  push(line: string): LogEntry | undefined;
  /** The last message, once the file has ended. */
  end(): LogEntry | undefined;
  /** What could not be read of the file, in words. */
  problems(): string[];
}

/** The problem of lines that are no part of a message, or of a message that lacks its end. */
export function skippedLines(count: number): string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? "line" : "lines"} cannot be read`];
}

/** The most characters of a message that are kept. */
export const longestMessage = 1_000_000;

/** A name in the log; undefined if it is empty or `[unknown]`. */
export function knownName(name: string | undefined): string | undefined {
  return name === "" || name === "[unknown]" ? undefined : name;
}

/** The address of `host(port)`, `host:port` or `host`; undefined for a Unix socket. */
export function addressOf(text: string | undefined): string | undefined {
  if (text === undefined || text === "" || text.startsWith("[")) return undefined;
  const host = /^(.*)\(\d+\)$/.exec(text)?.[1] ?? text;
  return knownName(host);
}

const timePattern = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? (\S+)$/;

/**
 * Converts the log's times, such as `2026-06-20 14:02:11.123 CEST`. Postgres writes the abbreviation of its log_timezone, which
 * does not determine a time zone, so an abbreviation other than UTC needs `timeZone`, the value of log_timezone.
 */
export class Times {
  readonly #format: Intl.DateTimeFormat | undefined;
  readonly #offsets = new Map<string, number>();
  /** The first abbreviation that could not be converted. */
  unknown: string | undefined;

  constructor(timeZone: string | undefined) {
    try {
      this.#format =
        timeZone === undefined
          ? undefined
          : new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset", hour: "numeric" });
    } catch {
      // Postgres knows zones that Intl does not: then only their numeric offsets can be converted.
    }
  }

  parse(text: string): Date | undefined {
    const match = timePattern.exec(text);
    if (!match) return undefined;
    const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as number[];
    const local = Date.UTC(year as number, (month as number) - 1, day, hour, minute, second);
    const offset = this.#offsetOf(match[8] as string, local);
    if (offset === undefined) {
      this.unknown ??= match[8];
      return undefined;
    }
    return new Date(local + Number((match[7] ?? "0").padEnd(3, "0").slice(0, 3)) - offset);
  }

  /** Milliseconds east of UTC. */
  #offsetOf(zone: string, local: number): number | undefined {
    if (zone === "UTC" || zone === "GMT" || zone === "Z") return 0;
    const numeric = /^([+-])(\d\d):?(\d\d)?$/.exec(zone);
    if (numeric) {
      const minutes = Number(numeric[2]) * 60 + Number(numeric[3] ?? 0);
      return (numeric[1] === "-" ? -1 : 1) * minutes * 60_000;
    }
    if (!this.#format) return undefined;
    // A zone changes its offset and its abbreviation together.
    const key = `${zone} ${Math.floor(local / 3_600_000)}`;
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      if (this.#offsets.size > 100) this.#offsets.clear();
      offset = offsetAt(this.#format, local - offsetAt(this.#format, local));
      this.#offsets.set(key, offset);
    }
    return offset;
  }
}

function offsetAt(format: Intl.DateTimeFormat, at: number): number {
  const name = format.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(name) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
}
