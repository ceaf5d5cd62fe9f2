/** A constant in a statement. */
interface Constant {
  start: number;
  end: number;
  isText: boolean;
}

const space = /\s/;
/** A run of words, single spaces and punctuation, which is copied as it is. Bounded, since the matcher's stack is. */
const plain =
  /(?:[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*(?![\w$\u0080-\uffff'&])|[ ](?![\s/-])|[(),=*<>;:+|@#%^!~?[\]]){1,500}/y;
const wordStart = /[A-Za-z_\u0080-\uffff]/;
const word = /[\w$\u0080-\uffff]*/y;
const number = /0[xXoObB][\dA-Fa-f_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?/y;
const digits = /\d+/y;
const tag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

/**
 * Copies SQL with one space for each run of spaces and comments, and with other text for its constants. Never throws: an
 * unterminated string or comment ends with the text, since a server cuts long texts off.
 */
function rewrite(sql: string, replace: (constant: Constant) => string): string {
  let out = "";
  let copied = 0;
  let at = 0;
  const put = (start: number, end: number, text: string) => {
    out += sql.slice(copied, start) + text;
    copied = end;
    at = end;
  };
  const constant = (start: number, end: number, isText: boolean) => {
    out += sql.slice(copied, start);
    copied = start;
    put(start, end, replace({ start, end, isText }));
  };
  while (at < sql.length) {
    at = endOf(plain, sql, at);
    if (at === sql.length) break;
    const start = at;
    const char = sql[at] as string;
    if (space.test(char) || (char === "-" && sql[at + 1] === "-") || (char === "/" && sql[at + 1] === "*")) {
      const end = endOfSpace(sql, at);
      if (end === at + 1) at = end;
      if (end !== at || char !== " ") put(start, end, " ");
    } else if (char === "'") constant(start, endOfQuoted(sql, at, "'"), true);
    else if (char === '"') at = endOfQuoted(sql, at, '"');
    else if (wordStart.test(char)) {
      at = endOf(word, sql, at);
      const prefix = sql[at] === "'" || (sql[at] === "&" && sql[at + 1] === "'") ? sql.slice(start, at) : "";
      if (/^[eE]$/.test(prefix)) constant(start, endOfEscapeString(sql, at + 1), true);
      else if (/^[bBxXnNuU]$/.test(prefix)) constant(start, endOfQuoted(sql, sql.indexOf("'", at), "'"), true);
    } else if ((char >= "0" && char <= "9") || char === ".") {
      const end = endOf(number, sql, at);
      if (end === at) at++;
      else constant(start, end, false);
    } else if (char === "$") {
      const opened = endOf(tag, sql, at);
      if (opened > at) {
        const close = sql.indexOf(sql.slice(at, opened), opened);
        constant(start, close < 0 ? sql.length : close + opened - at, true);
      } else at = endOf(digits, sql, at + 1);
    } else at++;
  }
  return out + sql.slice(copied);
}

function endOf(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : at;
}

function endOfSpace(sql: string, start: number): number {
  for (let at = start; ; ) {
    if (at < sql.length && space.test(sql[at] as string)) at++;
    else if (sql.startsWith("--", at)) at = sql.indexOf("\n", at) < 0 ? sql.length : sql.indexOf("\n", at);
    else if (sql.startsWith("/*", at)) at = endOfComment(sql, at);
    else return at;
  }
}

function endOfComment(sql: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let depth = 0; ; ) {
    const found = mark.exec(sql);
    if (!found) return sql.length;
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
}

function endOfQuoted(sql: string, start: number, quote: string): number {
  for (let at = start + 1; ; ) {
    const close = sql.indexOf(quote, at);
    if (close < 0) return sql.length;
    if (sql[close + 1] !== quote) return close + 1;
    at = close + 2;
  }
}

function endOfEscapeString(sql: string, start: number): number {
  for (let at = start; at < sql.length; at++) {
    if (sql[at] === "\\") at++;
    else if (sql[at] === "'" && sql[at + 1] === "'") at++;
    else if (sql[at] === "'") return at + 1;
  }
  return sql.length;
}

/** The most characters of an example. */
const longest = 400;

/**
 * The statement on one line with every constant replaced by $1, $2, ... as pg_stat_statements does, so that it holds no data
 * of anyone. Also takes a text that cannot be parsed.
 */
export function normalize(sql: string): string {
  let next = 1;
  for (const [, parameter] of sql.matchAll(/\$(\d{1,5})/g)) next = Math.max(next, Number(parameter) + 1);
  const normalized = rewrite(sql, () => `$${next++}`)
    .trim()
    .replace(/(?:\s*;)+$/, "");
  return normalized.length > longest ? `${normalized.slice(0, longest - 1)}…` : normalized;
}

export function hasConstants(sql: string): boolean {
  let found = false;
  rewrite(sql, () => {
    found = true;
    return "";
  });
  return found;
}

/** Constants that decide which object a statement uses. */
const naming = /\b(?:nextval|currval|setval|set_config|pg_notify|to_reg\w+)\s*\((?:\s|--.*\n|\/\*.*?\*\/)*$/i;
const cast = /^\s*::\s*(?:pg_catalog\.)?reg/i;
/** Statements whose constants say what they do. */
const telling =
  /^(?:do|create|alter|drop|grant|revoke|execute|prepare|copy|set\s+(?:session\s+|local\s+)?(?:search_path|role|session\s))\b/i;

/** The same text for statements that differ in constants, lists of constants, comments and spaces only. */
export function shapeOf(sql: string): string {
  const keepsAll = telling.test(sql.trimStart());
  const shape = rewrite(sql, ({ start, end, isText }) => {
    if (keepsAll) return sql.slice(start, end);
    const names =
      isText && (naming.test(sql.slice(Math.max(0, start - 60), start)) || cast.test(sql.slice(end, end + 20)));
    return names ? sql.slice(start, end) : "?";
  }).trim();
  if (keepsAll) return shape;
  return shape
    .replace(/\$\d+/g, "?")
    .replace(/\?(?:\s*,\s*\?)+/g, "?")
    .replace(/(\(\s*\?\s*\))(?:\s*,\s*\(\s*\?\s*\))+/g, "$1");
}
