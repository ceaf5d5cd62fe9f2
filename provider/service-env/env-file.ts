/**
 * Reads and changes one line of an env file as compose does: `KEY=value`, `export KEY=`, quotes, comments. The rest of the file
 * is kept byte for byte, so texts here are latin1: one character per byte. References: python-dotenv (docker-compose 1) and
 * compose-go/dotenv (compose 2); what they read differently is refused here or checked with compose by the caller.
 */

/** A line that is ambiguous or cannot be written. The message never holds the value. */
export class EnvFileError extends Error {}

interface Line {
  /** Where the value starts and ends in the text, quotes included. */
  start: number;
  end: number;
  quote: "" | "'" | '"';
  /** Without quotes. */
  value: string;
}

/** The value of `key`; undefined if it is missing or empty. */
export function readValue(text: string, key: string): string | undefined {
  const value = findLine(text, key)?.value;
  return value ? Buffer.from(value, "latin1").toString("utf8") : undefined;
}

/** The text with the value of `key` replaced, in its present quotes if possible; appends a line if there was none. */
export function withValue(text: string, key: string, value: string): string {
  const bytes = Buffer.from(value, "utf8").toString("latin1");
  const line = findLine(text, key);
  if (line) return text.slice(0, line.start) + quoted(bytes, line.quote, key) + text.slice(line.end);
  const eol = /\r\n|\n/.exec(text)?.[0] ?? "\n";
  const endsOpen = text !== "" && !text.endsWith("\n");
  const added = `${key}=${quoted(bytes, "", key)}`;
  return endsOpen ? `${text}${eol}${added}` : `${text}${added}${eol}`;
}

/** The line of `key` without its newline. Throws if there is none. */
export function lineOf(text: string, key: string): string {
  const line = findLine(text, key);
  if (!line) throw new EnvFileError(`it has no line with ${key}`);
  const end = text.indexOf("\n", line.end);
  return text.slice(text.lastIndexOf("\n", line.start) + 1, end < 0 ? undefined : end);
}

/** The text without the line of `key`. */
export function withoutKey(text: string, key: string): string {
  const line = findLine(text, key);
  if (!line) return text;
  const start = text.lastIndexOf("\n", line.start) + 1;
  const newline = text.indexOf("\n", line.end);
  return text.slice(0, start) + (newline < 0 ? "" : text.slice(newline + 1));
}

/** All values of the file, which must not appear in messages. */
export function allValues(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => /^[^=]*=\s*(.*?)\s*$/.exec(line)?.[1] ?? "")
    .flatMap((value) => [value, value.replace(/^(['"])(.*)\1.*$/, "$2")])
    .map((value) => Buffer.from(value, "latin1").toString("utf8"));
}

const byteOrderMark = Buffer.from("\uFEFF").toString("latin1");

function findLine(text: string, key: string): Line | undefined {
  const found: Line[] = [];
  let offset = 0;
  for (const [i, whole] of text.split(/(?<=\n)/).entries()) {
    const line = whole.replace(/\r?\n$/, "");
    const bom = i === 0 && line.startsWith(byteOrderMark) ? byteOrderMark.length : 0;
    const head = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${key}(?![\\w.-])([ \\t]*)(=?)[ \\t]*`).exec(line.slice(bom));
    if (head) {
      if (head[2] !== "=") throw new EnvFileError(`line ${i + 1} has ${key} without a value; write ${key}=`);
      found.push(readToken(line, bom + head[0].length, offset, `line ${i + 1}`));
    }
    offset += whole.length;
  }
  if (found.length > 1) throw new EnvFileError(`it has ${key} ${found.length} times; keep one of the lines`);
  return found[0];
}

function readToken(line: string, from: number, offset: number, where: string): Line {
  const rest = line.slice(from);
  const first = rest.charAt(0);
  if (first !== "'" && first !== '"') {
    const value = rest
      .replace(/\s+#.*$/, "")
      .replace(/^#.*$/, "")
      .trimEnd();
    return { start: offset + from, end: offset + from + value.length, quote: "", value };
  }
  const close = rest.indexOf(first, 1);
  if (close < 0) throw new EnvFileError(`${where} does not close its quote (${first})`);
  const value = rest.slice(1, close);
  if (value.includes("\\")) {
    throw new EnvFileError(`${where} has a backslash in quotes, which versions of compose read differently; remove it`);
  }
  if (!/^\s*(#.*)?$/.test(rest.slice(close + 1))) throw new EnvFileError(`${where} has text after its closing quote`);
  return { start: offset + from, end: offset + from + close + 1, quote: first, value };
}

/** Values that every parser reads literally, by kind of quotes. */
const safe: Record<Line["quote"], RegExp> = {
  "": /^[^\s#$'"\\`\0]+$/,
  "'": /^[^'\\\r\n\0]*$/,
  '"': /^[^"\\$`\r\n\0]*$/,
};

function quoted(value: string, preferred: Line["quote"], key: string): string {
  const quote = ([preferred, "", "'", '"'] as const).find((each) => safe[each].test(value));
  if (quote === undefined) {
    throw new EnvFileError(
      `${key} has characters that cannot be quoted in an env file; percent-encode them in the URL`,
    );
  }
  return `${quote}${value}${quote}`;
}
