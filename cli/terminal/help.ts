import type { Command } from "./command.ts";
import { table } from "./table.ts";

/** Prints what there is, or one command's usage. Returns the exit code. */
export function help(commands: Record<string, Command>, name: string | undefined): number {
  if (name === undefined) {
    const lines = Object.entries(commands).map(([command, { summary }]) => [`app-roles ${command}`, summary]);
    console.log(
      `${table([...lines, ["app-roles help COMMAND", "what a command takes"], ["app-roles --version", "the version"]])}`,
    );
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    console.error(`app-roles: there is no command ${name}; see app-roles help`);
    return 2;
  }
  console.log(command.usage);
  return 0;
}
