import { collect, command, stackOption } from "../terminal/command.ts";
import type { RehearseOptions } from "./rehearse.ts";

export const rehearseCommand = command("rehearse", {
  summary: "tries on the live server what an up would do, and rolls it back",
  description: `Moves every object to its new owner in its own transaction, tests it as its owner and as every role, and rolls
back. Nothing is changed, and the roles need not exist yet. A lock is held for at most 250 ms, and the rehearsal never waits for a
lock while it holds another: an object that takes longer is listed as not tried, with the time that its move will hold its locks.
Exit code 1: something failed, or could not be rehearsed because other sessions hold locks. Objects that were not tried, and
warnings, are not failures.`,
  example: "app-roles rehearse --database shop --sql migrations/next.sql",
})
  .addOption(stackOption())
  .option("--database <NAME>", "rehearse only this database")
  .option(
    "--sql <FILE>",
    "run this SQL too, such as the next migration, as the database's owner, after the files that the configuration names (rehearseSql); can be repeated",
    collect,
  )
  .action(async (options: RehearseOptions) => {
    const { rehearse } = await import("./rehearse.ts");
    process.exitCode = await rehearse(options);
  });
