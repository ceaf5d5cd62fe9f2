import { escapeIdentifier } from "pg";

/** A name, quoted for a statement that is printed as one line and can be run as printed. @example U&"new\000aline" */
export function sqlName(name: string): string {
  return inOneLine(escapeIdentifier(name));
}

/** Names that Postgres quoted, as by format('%I.%I'): those with control characters in Unicode escapes. */
export function inOneLine(names: string): string {
  return names.replaceAll(/"(?:[^"]|"")*"/g, (quoted) => (/\p{Cc}/u.test(quoted) ? unicodeEscaped(quoted) : quoted));
}

function unicodeEscaped(quoted: string): string {
  const text = quoted.replaceAll("\\", "\\\\");
  return `U&${text.replaceAll(/\p{Cc}/gu, (char) => `\\${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}`;
}
