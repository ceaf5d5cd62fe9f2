import { createHash } from "node:crypto";
import { shellWord } from "../../model/shell-word.ts";
import { secretVariables } from "../service-env/child.ts";

/** The second line of every script, which identifies it. */
export const marker = "# app-roles rollback kit";

export interface ScriptSubject {
  service: string;
  stack: string;
  urlKey: string;
}

/**
 * A service's script, in latin1, around the steps that roll it back. Steps can use `say`, and `temporary` for the name of a file
 * that is removed at the end.
 */
export function scriptOf({ service, stack, urlKey }: ScriptSubject, steps: string[]): string {
  const rolledBack = `runs with its legacy URL again. Before the next up, which would cut it over again, set connectAs: legacy for it in Pulumi.${stack}.yaml`;
  const lines = [
    "#!/bin/sh",
    marker,
    `# Stack ${printable(stack)}: rolls the service ${printable(service)} back to its legacy URL immediately.`,
    "# It needs neither Pulumi nor its state or passphrase, works with the database down, and can be run again at any point.",
    "# It holds a password: only its owner may read it. The stack writes it before each cutover and removes it after a rollback.",
    "set -eu",
    "umask 077",
    `service=${shellWord(service)}`,
    "temporary=",
    "say() { printf '%s\\n' \"$service: $*\"; }",
    "ended() {",
    "  code=$?",
    "  trap - EXIT",
    '  if [ -n "$temporary" ]; then rm -f "$temporary"; fi',
    '  if [ "$code" -ne 0 ]; then say "NOT rolled back (exit code $code): fix the error above and run this again" >&2; fi',
    '  exit "$code"',
    "}",
    "trap ended EXIT",
    "trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM",
    `unset ${[urlKey, ...secretVariables].join(" ")}`,
    ...steps,
    `say ${shellWord(rolledBack)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** For a comment: without characters that end the line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/** Scripts are latin1, one character per byte. */
export function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/**
 * Sets a variable to a secret without putting it in a process's arguments: `printf` and `[` are built into the shell. The text
 * can hold anything except NUL, and cannot end with a newline, which the shell would remove.
 */
export function shellSecret(variable: string, text: string): string {
  if (text.includes("\0") || text.endsWith("\n")) {
    throw new Error("it has a NUL character or ends with a newline, which a shell script cannot hold");
  }
  const end = endOf(text);
  return `${variable}=$(cat <<'${end}'\n${text}\n${end}\n)`;
}

/** Writes a text to the file named in `variable`, without putting it in a process's arguments. */
export function shellFile(variable: string, text: string): string {
  if (text.includes("\0")) throw new Error("it has a NUL character, which a shell script cannot hold");
  const end = endOf(text);
  return `cat <<'${end}' > "$${variable}"\n${text}\n${end}`;
}

/** A hash of the text: no line of the text can equal it. */
function endOf(text: string): string {
  return `END_${createHash("sha256").update(text, "latin1").digest("hex").slice(0, 16)}`;
}
