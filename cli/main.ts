/** Runs `npx app-roles COMMAND`. Exit codes: 0 success; 1 a check or the command failed; 2 invalid command line. */
import { createRequire } from "node:module";
import { Command, CommanderError, Help } from "commander";
import { auditCommand } from "./audit/command.ts";
import { completionCommand } from "./completion.ts";
import { confirmCommand } from "./confirm/command.ts";
import { cutoverCommand } from "./cutover/command.ts";
import { discoverCommand } from "./discover/command.ts";
import { doctorCommand } from "./doctor/command.ts";
import { envCommand } from "./env/command.ts";
import { rehearseCommand } from "./rehearse/command.ts";
import { reportCommand } from "./report/command.ts";
import { reviewCommand } from "./review/command.ts";
import { rollbackCommand } from "./rollback/command.ts";
import { rotateCommand } from "./rotate/command.ts";
import { rotateSuperuserCommand } from "./rotate-superuser/command.ts";
import { UsageError } from "./terminal/command.ts";
import { timingCommand } from "./timing/command.ts";
import { upCommand } from "./up/command.ts";

/** Prints `--sql FILE` where commander prints `--sql <FILE>`. */
const plain = (text: string) => text.replaceAll(/[<>]/g, "");

function program(): Command {
  const all = new Command("app-roles")
    .description("Takes a company's services off the Postgres superuser.")
    .version(createRequire(import.meta.url)("app-roles/package.json").version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [COMMAND]", "print help")
    .exitOverride()
    .configureHelp({
      subcommandTerm: (command) => `app-roles ${command.name()}`,
      commandUsage: (command) => plain(new Help().commandUsage(command)),
      optionTerm: ({ flags }) => plain(flags),
    })
    .configureOutput({ outputError: (text, write) => write(plain(text).replace(/^error: /, "app-roles: ")) });
  const commands = [
    discoverCommand,
    confirmCommand,
    doctorCommand,
    rehearseCommand,
    reviewCommand,
    upCommand,
    cutoverCommand,
    rollbackCommand,
    rotateCommand,
    rotateSuperuserCommand,
    envCommand,
    auditCommand,
    reportCommand,
    timingCommand,
    completionCommand(all),
  ];
  for (const each of commands) all.addCommand(each.copyInheritedSettings(all).showHelpAfterError());
  return all.showHelpAfterError("Run app-roles help to list the commands.");
}

async function main(given: string[]): Promise<number> {
  const all = program();
  const [first = "--help", ...rest] = given[0] === "help" ? [...given.slice(1), "--help"] : given;
  const command = all.commands.find((each) => each.name() === first);
  try {
    // An unknown command is reported even with --help.
    await all.parseAsync(command || first.startsWith("-") ? [first, ...rest] : [first], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(`app-roles ${first}: ${error instanceof Error ? error.message : String(error)}`);
    if (!(error instanceof UsageError)) return 1;
    console.error(`\n${command?.helpInformation()}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
