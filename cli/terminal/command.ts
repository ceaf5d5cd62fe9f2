import { Command, InvalidArgumentError, Option } from "commander";
import { timeSpan, timeSpanExpected } from "../../model/duration.ts";

/** What was asked for cannot be: the command's usage is printed with it, and the exit code is 2. */
export class UsageError extends Error {}

/** What `app-roles help NAME` says. */
export interface CommandHelp {
  /** One line for the list of commands. */
  summary: string;
  /** Its paragraphs are filled again; a line that begins with a space stays one. */
  description: string;
  /** A command line that can be pasted. */
  example: string;
}

/**
 * A subcommand of `app-roles`. Its action imports what it runs, so that no command loads what only others need, and sets the
 * exit code: 0, or 1 when what was asked does not hold.
 */
export function command(name: string, { summary, description, example }: CommandHelp): Command {
  return new Command(name)
    .summary(summary)
    .description(description.replaceAll(/(?<!\n)\n(?![\n ])/g, " "))
    .addHelpText("after", `\nExample:\n  ${example}`);
}

export const stackOption = () => new Option("--stack <NAME>", "the stack; default: the selected one");

export const policyPackOption = () =>
  new Option("--policy-pack <FOLDER>", "for the up, as pulumi up takes it; may be given more than once").argParser(
    collect,
  );

/** Of an option that may be given more than once. */
export function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

/** Milliseconds; `m` is minutes here, as everywhere but in Postgres. */
export function time(value: string): number {
  const read = timeSpan(value);
  if (read === undefined) throw new InvalidArgumentError(`Expected ${timeSpanExpected}.`);
  return read;
}
