/** A text, quoted as one word of a POSIX shell command. Throws for NUL, which no word can contain. @example 'it'\''s' */
export function shellWord(text: string): string {
  if (text.includes("\0")) throw new Error("a word of a shell command cannot hold a NUL character");
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** As `shellWord`, without quotes if none are needed, for people to read. */
export function readableShellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : shellWord(text);
}
