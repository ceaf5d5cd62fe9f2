/** The text on one line, with control characters as `\x1b`: names of objects can hold line ends and escape sequences. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
