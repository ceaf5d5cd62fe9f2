import { createHash } from "node:crypto";
import { shellWord } from "../../model/shell-word.ts";
import { secretVariables } from "../service-env/child.ts";

/** The second line of every script, by which it is told from a file of somebody else's. */
export const marker = "# app-roles rollback kit";

export interface ScriptSubject {
  service: string;
  stack: string;
  urlKey: string;
}

/**
 * The whole of a service's script, in latin1, around the steps that put its legacy URL back. They may `say` something, and name
 * a file that does not outlive the script in `temporary`.
 */
export function scriptOf({ service, stack, urlKey }: ScriptSubject, steps: string[]): string {
  const switchedBack = `runs on its legacy URL again. Tell the stack before its next up, which would put it on its role: connectAs: legacy for it in Pulumi.${stack}.yaml`;
  const lines = [
    "#!/bin/sh",
    marker,
    `# Stack ${printable(stack)}: puts the service ${printable(service)} back on the URL it had before, at once.`,
    "# It needs neither Pulumi nor its state or passphrase, works with the database down, and may be run again at any point.",
    "# It holds a password: keep it to its owner. The stack writes it before each cutover, and removes it after a way back.",
    "set -eu",
    "umask 077",
    `service=${shellWord(service)}`,
    "temporary=",
    "say() { printf '%s\\n' \"$service: $*\"; }",
    "ended() {",
    "  code=$?",
    "  trap - EXIT",
    '  if [ -n "$temporary" ]; then rm -f "$temporary"; fi',
    '  if [ "$code" -ne 0 ]; then say "NOT rolled back (exit code $code): mend what is said above, and run this again" >&2; fi',
    '  exit "$code"',
    "}",
    "trap ended EXIT",
    "trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM",
    `unset ${[urlKey, ...secretVariables].join(" ")}`,
    ...steps,
    `say ${shellWord(switchedBack)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** In a comment: nothing that ends its line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

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
