import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { timeSpan, timeSpanExpected } from "../../model/duration.ts";

/** An invalid command line: the command's usage is printed too, and the exit code is 2. */
export class UsageError extends Error {}

/** The text of `app-roles help NAME`. */
export interface CommandHelp {
  /** One line for the list of commands. */
  summary: string;
  /** Paragraphs are wrapped again; a line that begins with a space is kept. */
  description: string;
  /** A command line to copy. */
  example: string;
}

/**
 * A subcommand of `app-roles`. Its action imports its implementation, so that no command loads the code of others, and sets the
 * exit code: 0, or 1 if the command or its check failed.
 */
export function command(name: string, { summary, description, example }: CommandHelp): Command {
  return new Command(name)
    .summary(summary)
    .description(description.replaceAll(/(?<!\n)\n(?![\n ])/g, " "))
    .addHelpText("after", `\nExample:\n  ${example}`);
}

export const stackOption = () => new Option("--stack <NAME>", "the stack; default: the selected one");

export const cwdOption = () =>
  new Option("--cwd <FOLDER>", "the folder of Pulumi.yaml; default: the current one").argParser((folder: string) => {
    try {
      process.chdir(folder);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
    return folder;
  });

/** The folder that the command was started in, before --cwd. */
const startedIn = process.cwd();

/** Parser of a file's name, which --cwd does not affect. */
export function file(value: string): string {
  return resolve(startedIn, value);
}

export const policyPackOption = () =>
  new Option("--policy-pack <FOLDER>", "policy pack for the up, as in pulumi up; can be repeated").argParser(collect);

/** Parser of an option that can be repeated. */
export function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

/** Parses a time span to milliseconds; `m` means minutes, unlike in Postgres. */
export function time(value: string): number {
  const read = timeSpan(value);
  if (read === undefined) throw new InvalidArgumentError(`Expected ${timeSpanExpected}.`);
  return read;
}
