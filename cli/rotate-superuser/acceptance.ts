import { createInterface } from "node:readline/promises";
import { readableShellWord } from "../../model/shell-word.ts";
import { type Finding, report } from "./finding.ts";

/** The options of the command line. */
export interface Options {
  /** Milliseconds; 0 looks once. */
  watch: number;
  /** Names of accepted findings. */
  accept: string[];
  /** Whether to change the password without asking. */
  yes: boolean;
}

/** Asks a question. Resolves with whether the answer was yes. */
export type Ask = (question: string) => Promise<boolean>;

/**
 * Prints the findings, asks to accept those that the command line does not accept, then asks to confirm the change.
 *
 * @param ask undefined if there is no terminal
 */
export async function isAccepted(
  findings: Finding[],
  user: string,
  { accept, yes, watch }: Options,
  ask: Ask | undefined = terminal(),
): Promise<boolean> {
  console.log(
    findings.length === 0
      ? `No user of the password of ${user} was found.`
      : `Users of the password of ${user}, and what cannot be checked:\n${report(findings)}`,
  );
  const unaccepted: Finding[] = [];
  for (const finding of findings.filter(({ name }) => !accept.includes(name))) {
    if (!(await ask?.(`Accept ${finding.name}?`))) unaccepted.push(finding);
  }
  if (unaccepted.length > 0) {
    const flags = findings.map(({ name }) => `--accept ${readableShellWord(name)}`);
    const time = watch % 60_000 === 0 ? `${watch / 60_000}min` : `${watch}ms`;
    const again = [`--watch ${time}`, ...flags, "--yes"].join(" ");
    console.error(
      `app-roles rotate-superuser: nothing was changed: ${unaccepted.length} of ${findings.length} are not accepted: ${unaccepted.map(({ name }) => name).join(", ")}.\n` +
        `Move them off ${user} first, or accept that they will fail:\n  npx app-roles rotate-superuser ${again}`,
    );
    return false;
  }
  if (yes) return true;
  if (!ask) {
    console.error("app-roles rotate-superuser: nothing was changed: --yes is required without a terminal");
    return false;
  }
  if (await ask(`Change the password of ${user} now?`)) return true;
  console.error("app-roles rotate-superuser: nothing was changed");
  return false;
}

function terminal(): Ask | undefined {
  return process.stdin.isTTY && process.stderr.isTTY ? askYes : undefined;
}

/** Asks on the terminal; only `yes` counts as yes. */
async function askYes(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C at a question cancels the command.
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
