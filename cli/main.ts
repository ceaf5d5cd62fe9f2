/** `npx app-roles COMMAND`. Exit codes: 0; 1 when a check failed or the command could not be carried out; 2 for a wrong command line. */
import { createRequire } from "node:module";
import { cutover } from "./cutover/cutover.ts";
import { doctor } from "./doctor/doctor.ts";
import { env } from "./env/env.ts";
import { rehearse } from "./rehearse/rehearse.ts";
import { rollback } from "./rollback/rollback.ts";
import { rotate } from "./rotate/rotate.ts";
import { rotateSuperuser } from "./rotate-superuser/rotate-superuser.ts";
import { type Command, UsageError } from "./terminal/command.ts";
import { help } from "./terminal/help.ts";

const commands: Record<string, Command> = {
  doctor,
  rehearse,
  cutover,
  rollback,
  rotate,
  "rotate-superuser": rotateSuperuser,
  env,
};

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    return help(commands, args[0]);
  }
  if (name === "--version") {
    console.log(createRequire(import.meta.url)("app-roles/package.json").version);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    console.error(`app-roles: there is no command ${name}; see app-roles help`);
    return 2;
  }
  if (args.includes("--help") || args.includes("-h")) return help(commands, name);
  try {
    return await command.run(args);
  } catch (error) {
    console.error(`app-roles ${name}: ${error instanceof Error ? error.message : String(error)}`);
    if (!(error instanceof UsageError)) return 1;
    console.error(`\n${command.usage}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
