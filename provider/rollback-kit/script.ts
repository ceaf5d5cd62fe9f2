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
