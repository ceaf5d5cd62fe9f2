/** A word of a POSIX shell command, whatever its characters. Throws for NUL, which no word can hold. @example 'it'\''s' */
export function shellWord(text: string): string {
  if (text.includes("\0")) throw new Error("a word of a shell command cannot hold a NUL character");
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The same for a person's eyes: without quotes where none are needed. */
export function readableShellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : shellWord(text);
}
