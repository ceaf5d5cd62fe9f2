import { collect, command, stackOption } from "../terminal/command.ts";
import type { RehearseOptions } from "./rehearse.ts";

export const rehearseCommand = command("rehearse", {
  summary: "tries on the live server what an up would do, and takes all of it back",
  description: `Moves every object to its new owner in a transaction of its own, tries it out as its owner and as every role, and rolls
back. Nothing is changed and no role need exist yet. A lock is held for at most 250 ms, and none is waited for while
another is held: an object that takes longer is named as not tried, with how long its move will hold its locks. Exit code 1
when something failed, or could not be rehearsed because others hold it; what was not tried, and warnings, are no failure.`,
  example: "app-roles rehearse --database shop --sql migrations/next.sql",
})
  .addOption(stackOption())
  .option("--database <NAME>", "rehearse in this database alone")
  .option(
    "--sql <FILE>",
    "run this SQL too, such as the next migration, as the database's owner, after the files that the configuration names (rehearseSql); may be given more than once",
    collect,
  )
  .action(async (options: RehearseOptions) => {
    const { rehearse } = await import("./rehearse.ts");
    process.exitCode = await rehearse(options);
  });
