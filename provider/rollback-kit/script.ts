import { shellWord } from "./shell.ts";

export interface ScriptSubject {
  service: string;
  stack: string;
}

/** The whole of a service's script, in latin1, around the steps that put its legacy URL back. */
export function scriptOf({ service, stack }: ScriptSubject, steps: string[]): string {
  const name = printable(service);
  const done = `${service} runs on its legacy URL again. Tell the stack before its next up, which would put it on its role: connectAs: legacy for it in Pulumi.${stack}.yaml.`;
  const lines = [
    "#!/bin/sh",
    `# app-roles, stack ${printable(stack)}: puts the service ${name} back on the URL it had before, at once.`,
    "# It needs neither Pulumi nor its state or passphrase, asks the database nothing, and may be run again at any point.",
    "# It holds a password: keep it to its owner. The stack writes it before each cutover, and removes it after a way back.",
    "set -eu",
    "umask 077",
    ...steps,
    `echo ${shellWord(done)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** In a comment: nothing that ends its line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
