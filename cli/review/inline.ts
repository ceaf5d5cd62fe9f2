/** Text of others (names, messages, errors) as Markdown that cannot leave its place: in code spans GitHub renders no HTML, link, mention or image. */

/** The longest text of one code span, in characters. */
const longest = 600;

/** A code span, in one line. */
export function code(text: string, limit = longest): string {
  const shown = visible(text, limit);
  const fence = "`".repeat(longestRun(shown) + 1);
  // A space on both sides, which Markdown removes, separates a backtick from the fence.
  const pad = shown === "" || /^[ `]|[ `]$/.test(shown) ? " " : "";
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** A code block of one line each. */
export function block(lines: string[], language = ""): string[] {
  const shown = lines.map((line) => visible(line, longest));
  const fence = "`".repeat(Math.max(3, longestRun(shown.join("\n")) + 1));
  return [`${fence}${language}`, ...shown, fence];
}

/** `a, b and 3 more`, with at most `most` names and about `limit` characters. */
export function list(names: string[], { most = 20, limit = 800 } = {}): string {
  const shown: string[] = [];
  let length = 0;
  for (const name of names.slice(0, most)) {
    const next = code(name, 140);
    length += next.length + 2;
    if (shown.length > 0 && length > limit) break;
    shown.push(next);
  }
  const rest = names.length - shown.length;
  if (rest === 0) return shown.join(", ");
  return `${shown.join(", ")} and ${number(rest)} more`;
}

/** `1,234`. */
export function number(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 role`, `2 roles`. */
export function count(value: number, noun: string, plural = `${noun}s`): string {
  return `${number(value)} ${value === 1 ? noun : plural}`;
}

/** Line ends, control and format characters as their code points, so that a name looks like what it is; cut to `limit`. */
function visible(text: string, limit: number): string {
  const shown = text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  return shown.length <= limit ? shown : `${shown.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
