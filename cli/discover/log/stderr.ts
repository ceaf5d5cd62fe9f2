import { type LogEntry, type LogFormat, longestMessage, type Times } from "./entry.ts";
import { commonPrefixes, type LinePrefix, linePrefix, type PrefixedLine } from "./line-prefix.ts";

/** The format of log_destination `stderr`: a prefix, the severity and the message; its further lines begin with a tab. */
export class StderrFormat implements LogFormat {
  skipped = 0;
  /** The prefix of the last message. */
  prefix: LinePrefix;
  readonly #times: Times;
  readonly #prefixes: LinePrefix[];
  #entry: LogEntry | undefined;
  #part: "message" | "detail" | "statement" | undefined;

  /** @param given log_line_prefix of the server, which can differ from the one that wrote the file */
  constructor(given: string, times: Times) {
    this.#times = times;
    this.#prefixes = [...new Set([given, ...commonPrefixes])].map(linePrefix);
    this.prefix = this.#prefixes[0] as LinePrefix;
  }

  push(line: string): LogEntry | undefined {
    if (line.startsWith("\t")) {
      if (this.#entry && this.#part) this.#append(this.#entry, this.#part, line.slice(1));
      return undefined;
    }
    const parsed = this.#parse(line);
    if (!parsed) {
      this.#part = undefined;
      if (line !== "") this.skipped++;
      return undefined;
    }
    const part = partOf(parsed.severity);
    if (part !== undefined) {
      this.#part = undefined;
      const entry = this.#entry;
      if (part === "other" || !entry || entry.pid !== parsed.pid) return undefined;
      this.#part = part;
      entry[part] = cut(parsed.message);
      return undefined;
    }
    const finished = this.#entry;
    this.#entry = { ...parsed, message: cut(parsed.message), isTruncated: parsed.message.length > longestMessage };
    this.#part = "message";
    return finished;
  }

  end(): LogEntry | undefined {
    const finished = this.#entry;
    this.#entry = undefined;
    return finished;
  }

  #parse(line: string): PrefixedLine | undefined {
    const found = this.prefix.parse(line, this.#times);
    if (found) return found;
    for (const prefix of this.#prefixes) {
      const other = prefix.parse(line, this.#times);
      if (!other) continue;
      this.prefix = prefix;
      return other;
    }
    return undefined;
  }

  #append(entry: LogEntry, part: "message" | "detail" | "statement", line: string): void {
    const text = entry[part] ?? "";
    if (text.length + line.length < longestMessage) entry[part] = `${text}\n${line}`;
    else entry.isTruncated = true;
  }
}

function cut(text: string): string {
  return text.length > longestMessage ? text.slice(0, longestMessage) : text;
}

function partOf(severity: string): "detail" | "statement" | "other" | undefined {
  switch (severity) {
    case "DETAIL":
      return "detail";
    case "STATEMENT":
      return "statement";
    case "HINT":
    case "CONTEXT":
    case "QUERY":
    case "LOCATION":
    case "BACKTRACE":
      return "other";
    default:
      return undefined;
  }
}
