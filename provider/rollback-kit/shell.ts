import { createHash } from "node:crypto";

/** A script is kept in latin1, byte for byte. */
export function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/**
 * Sets a variable to a secret, which stands in no process's arguments that way: `printf` and `[` are the shell's own. The text
 * may hold anything but NUL and must not end with a newline, which the shell would take away.
 */
export function shellSecret(variable: string, text: string): string {
  if (text.includes("\0") || text.endsWith("\n")) {
    throw new Error("it has a NUL character, or ends with a newline, and no shell script can keep it");
  }
  const end = endOf(text);
  return `${variable}=$(cat <<'${end}'\n${text}\n${end}\n)`;
}

/** Writes a text to the file whose name is in `variable`; in no process's arguments, as `shellSecret`. */
export function shellFile(variable: string, text: string): string {
  if (text.includes("\0")) throw new Error("it has a NUL character, and no shell script can keep it");
  const end = endOf(text);
  return `cat <<'${end}' > "$${variable}"\n${text}\n${end}`;
}

/** No line of the text can be it: it is made of the whole of it. */
function endOf(text: string): string {
  return `END_${createHash("sha256").update(text, "latin1").digest("hex").slice(0, 16)}`;
}
