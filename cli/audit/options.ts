import { type Command, InvalidArgumentError, Option } from "commander";
import { collect, file, time, UsageError } from "../terminal/command.ts";

/** Adds what decides how a server is audited. */
export function auditOptions(command: Command): Command {
  return command
    .argument(
      "[URL]",
      "the server, such as postgresql://auditor@db.internal/postgres; default: that of the stack, or of PGHOST ...",
    )
    .addOption(
      new Option(
        "--watch [TIME]",
        "watch the sessions first, such as 10m, and use their peaks; without TIME until Ctrl-C",
      ).argParser(time),
    )
    .addOption(
      new Option("--unused-days <N>", "report login roles without a session for N days; requires --history").argParser(
        days,
      ),
    )
    .option(
      "--history <FILE>",
      "record which roles had sessions; Postgres does not keep when a role last logged in",
      file,
    )
    .addOption(new Option("--max-password-age <N>", "report generated passwords older than N days").argParser(days))
    .option("--require-expiry", "report passwords that never expire (VALID UNTIL)")
    .option(
      "--ignore <ID>",
      "leave out a finding, or all of a check; can be repeated. audit --verbose prints ids",
      collect,
    )
    .hook("preAction", (_, action) => {
      const { unusedDays, history } = action.opts<{ unusedDays?: number; history?: string }>();
      if (unusedDays === undefined || history !== undefined) return;
      throw new UsageError(
        "--unused-days requires --history FILE: Postgres does not record when a role last logged in",
      );
    });
}

function days(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("Expected a number of days, from 1.");
  return number;
}
