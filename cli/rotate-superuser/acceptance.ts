import { createInterface } from "node:readline/promises";
import { readableShellWord } from "../../model/shell-word.ts";
import { type Finding, report } from "./finding.ts";
import type { Options } from "./options.ts";

/** Asks a question; whether the answer was yes. */
export type Ask = (question: string) => Promise<boolean>;

/**
 * Shows the findings, and asks for those that were not accepted in the command line, then for the change itself.
 *
 * @param ask undefined: nobody can be asked
 */
export async function isAccepted(
  findings: Finding[],
  user: string,
  { accept, yes, watch }: Options,
  ask: Ask | undefined = terminal(),
): Promise<boolean> {
  console.log(
    findings.length === 0
      ? `Nobody was seen that uses the password of ${user}.`
      : `Who uses the password of ${user}, and what cannot be checked:\n${report(findings)}`,
  );
  const open: Finding[] = [];
  for (const finding of findings.filter(({ name }) => !accept.includes(name))) {
    if (!(await ask?.(`Accept ${finding.name}?`))) open.push(finding);
  }
  if (open.length > 0) {
    const flags = findings.map(({ name }) => `--accept ${readableShellWord(name)}`);
    const time = watch % 60_000 === 0 ? `${watch / 60_000}min` : `${watch}ms`;
    const again = [`--watch ${time}`, ...flags, "--yes"].join(" ");
    console.error(
      `app-roles rotate-superuser: nothing was changed: ${open.length} of ${findings.length} are not accepted: ${open.map(({ name }) => name).join(", ")}.\n` +
        `Move them off ${user} first, or accept what will fail:\n  npx app-roles rotate-superuser ${again}`,
    );
    return false;
  }
  if (yes) return true;
  if (!ask) {
    console.error("app-roles rotate-superuser: nothing was changed: give --yes where nobody can be asked");
    return false;
  }
  if (await ask(`Change the password of ${user} now?`)) return true;
  console.error("app-roles rotate-superuser: nothing was changed");
  return false;
}

function terminal(): Ask | undefined {
  return process.stdin.isTTY && process.stderr.isTTY ? askYes : undefined;
}

/** Asks on the terminal; only `yes` is one. */
async function askYes(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C at a question ends the command, as anywhere else before something is changed.
  const cancel = new AbortController();
  terminal.once("SIGINT", () => cancel.abort());
  try {
    return (await terminal.question(`${question} (yes/no) `, { signal: cancel.signal })).trim().toLowerCase() === "yes";
  } catch (error) {
    if (cancel.signal.aborted) throw new Error("cancelled: nothing was changed");
    throw error;
  } finally {
    terminal.close();
  }
}
