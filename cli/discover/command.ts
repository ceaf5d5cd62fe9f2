import { Option } from "commander";
import { collect, command, cwdOption, stackOption, time } from "../terminal/command.ts";
import type { DiscoverOptions } from "./discover.ts";

export const discoverCommand = command("discover", {
  summary: "finds out who uses a server and how, and proposes a stack",
  description: `Watches the sessions of a live server and reads its catalog, over one connection and without changing anything: which
services log in as a superuser, how large their pools are, which limits fit, and what access, grants and migrations their
statements need, from samples of the sessions and from the server's log. What is not certain is left for you to decide.
--write makes a complete stack file of it. The server is that of URL, of PGHOST, PGUSER, PGPASSWORD and PGDATABASE, or of the
stack. Use a superuser or a member of pg_monitor. Statements are printed without their constants. Exit code 1: the discovery is
incomplete, nothing fits, an existing file was not changed, or a replay was denied something or not possible.`,
  example: `app-roles discover postgresql://postgres@db.internal/postgres --watch 10m --write Pulumi.prod.yaml
  app-roles discover --docker --log /var/log/postgresql/postgresql.log --verbose`,
})
  .argument("[URL]", "the server, such as postgresql://postgres@db.internal/postgres?sslmode=require")
  .addOption(
    new Option("--watch <TIME>", "how long to watch, such as 10m; Ctrl-C ends it early, 0s is one look")
      .argParser(time)
      .default(10_000, "10s"),
  )
  .option("--log <FILE>", "also read a log of the server (stderr, csvlog or jsonlog); can be repeated", collect)
  .option("--docker", "match sessions with the containers of the Docker host; variables by name only")
  .option("--replay", "try the recorded statements as the proposed roles, rolled back; needs a superuser")
  .option("--write <FILE>", "write the stack file; of an existing file print the difference")
  .option("--force", "with --write: replace the proposed sections of an existing file; other keys are kept")
  .option("--verbose", "print the evidence")
  .option("--quiet", "print only the verdict, and no progress")
  .addOption(stackOption())
  .addOption(cwdOption())
  .action(async (url: string | undefined, options: Omit<DiscoverOptions, "url">) => {
    const { discover } = await import("./discover.ts");
    process.exitCode = await discover({ ...options, url });
  });
