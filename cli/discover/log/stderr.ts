import { type LogEntry, type LogFormat, longestMessage, skippedLines, type Times } from "./entry.ts";
import { commonPrefixes, type LinePrefix, linePrefix, type PrefixedLine } from "./line-prefix.ts";

/** The format of log_destination `stderr`: a prefix, the severity and the message; its further lines begin with a tab. */
export class StderrFormat implements LogFormat {
  /** The prefix of the last message. */
  #prefix: LinePrefix;
  readonly #times: Times;
  readonly #prefixes: LinePrefix[];
  #entry: LogEntry | undefined;
  #part: "message" | "detail" | "statement" | undefined;
  /** A literal in #entry has the text of a message, or #entry lacks its end. */
  #quotesMessage = false;
  #skipped = 0;
  #torn = 0;

  /** @param given log_line_prefix of the server, which can differ from the one that wrote the file */
  constructor(given: string, times: Times) {
    this.#times = times;
    this.#prefixes = [...new Set([given, ...commonPrefixes])].map(linePrefix);
    this.#prefix = this.#prefixes[0] as LinePrefix;
  }

  push(line: string): LogEntry | undefined {
    const isContinued = line.startsWith("\t");
    const parsed = isContinued ? undefined : this.#parse(line);
    const next = this.#nextIn(parsed?.message ?? line.slice(1), isContinued);
    if (next && !next.isInLiteral) {
      this.#torn++;
      return this.#begin(next.text, this.#parse(next.text));
    }
    let finished: LogEntry | undefined;
    if (!isContinued) finished = this.#begin(line, parsed);
    else if (this.#entry && this.#part) this.#append(this.#entry, this.#part, line.slice(1));
    // A file can begin in the middle of a message.
    else if (!this.#entry) this.#skipped++;
    if (next) this.#quotesMessage = true;
    return finished;
  }

  /** A message, or a part of one. Returns the message that it ends. */
  #begin(line: string, parsed: PrefixedLine | undefined): LogEntry | undefined {
    if (!parsed) {
      this.#part = undefined;
      if (line !== "") this.#skipped++;
      return undefined;
    }
    const part = partOf(parsed.severity);
    if (part !== undefined) {
      this.#part = undefined;
      const entry = this.#entry;
      if (!entry || entry.pid !== parsed.pid) return undefined;
      if (parsed.severity === "CONTEXT") entry.hasContext = true;
      if (part === "other") return undefined;
      this.#part = part;
      entry[part] = cut(parsed.message);
      return undefined;
    }
    const finished = this.end();
    this.#entry = { ...parsed, message: cut(parsed.message), isTruncated: parsed.message.length > longestMessage };
    this.#part = "message";
    return finished;
  }

  end(): LogEntry | undefined {
    const finished = this.#entry;
    if (this.#quotesMessage && finished && isCut(finished)) this.#torn++;
    this.#quotesMessage = false;
    this.#entry = undefined;
    return finished;
  }

  problems(): string[] {
    const prefix = `, which do not begin with log_line_prefix '${this.#prefix.text}'`;
    return [
      ...skippedLines(this.#skipped).map((problem) => `${problem}${prefix}`),
      ...(this.#torn > 0
        ? [`${this.#torn} ${this.#torn === 1 ? "message lacks its" : "messages lack their"} end`]
        : []),
    ];
  }

  /**
   * The message that follows, on the same line, one without its end: the server crashed, or a part of the file was cut out. If
   * it seems to be inside a literal of a statement, the end of that statement tells more.
   */
  #nextIn(text: string, isContinued: boolean): { text: string; isInLiteral: boolean } | undefined {
    if (!text.includes(":  ")) return undefined;
    const at = this.#prefix.indexIn(text);
    if (at < 0) return undefined;
    const before = isContinued && this.#part ? (this.#entry?.[this.#part] ?? "") : "";
    return { text: text.slice(at), isInLiteral: hasOpenLiteral(before + text.slice(0, at)) };
  }

  #parse(line: string): PrefixedLine | undefined {
    for (const parse of ["parse", "parseForeign"] as const) {
      for (const prefix of this.#prefixes) {
        const found = prefix[parse](line, this.#times);
        if (!found) continue;
        this.#prefix = prefix;
        return found;
      }
    }
    return undefined;
  }

  #append(entry: LogEntry, part: "message" | "detail" | "statement", line: string): void {
    const text = entry[part] ?? "";
    if (text.length + line.length < longestMessage) entry[part] = `${text}\n${line}`;
    else entry.isTruncated = true;
  }
}

/** Whether a literal in it has no end. */
function isCut({ isTruncated, message, detail = "", statement = "" }: LogEntry): boolean {
  return isTruncated === true || [message, detail, statement].some(hasOpenLiteral);
}

/** Whether a literal begins in the text that does not end in it. */
function hasOpenLiteral(text: string): boolean {
  return text.split("'").length % 2 === 0;
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
