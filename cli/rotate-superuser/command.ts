import { Option } from "commander";
import { collect, command, stackOption, time } from "../terminal/command.ts";
import type { RotateSuperuserOptions } from "./rotate-superuser.ts";

export const rotateSuperuserCommand = command("rotate-superuser", {
  summary: "gives the admin a new password, after showing who still uses the one it has",
  description: `Shows who logs in as server.admin.user within TIME, which containers hold its password and which services depend on it.
Each must be accepted by its name, or nothing is changed and the exit code is 1. Then sets a generated password, tries a
login with the new and one with the former, stores the new one as app-roles:adminPassword, and runs pulumi up without a
refresh, which takes it into the state. Recorded legacy URLs that log in with the former password get the new one, so that
the way back works; a service on legacy that the stack runs is restarted with it. Ended at any moment, run it again: it goes on
where it stopped. Run it in the folder of Pulumi.yaml.`,
  example: "app-roles rotate-superuser --watch 8h --accept service/worker",
})
  .addOption(
    new Option(
      "--watch <TIME>",
      "how long to watch, such as 8h; 0 takes one look. A login that lasts less than a second may be missed",
    )
      .argParser(time)
      .default(600_000, "10min"),
  )
  .option(
    "--accept <NAME>",
    "accepts a finding, as it is named; may be given more than once. On a terminal each is asked for",
    collect,
  )
  .option("--yes", "do not ask before the password is changed")
  .option(
    "--keep-legacy-urls",
    "leave the former password in recorded legacy URLs: their ways back are dead then, and services on legacy that run with one fail at their next login",
  )
  .addOption(stackOption())
  .action(async (options: RotateSuperuserOptions) => {
    const { rotateSuperuser } = await import("./rotate-superuser.ts");
    process.exitCode = await rotateSuperuser(options);
  });
