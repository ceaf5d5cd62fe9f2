import { Option } from "commander";
import { collect, command, stackOption, time } from "../terminal/command.ts";
import type { RotateSuperuserOptions } from "./rotate-superuser.ts";

export const rotateSuperuserCommand = command("rotate-superuser", {
  summary: "changes the admin's password, after showing what still uses the current one",
  description: `Lists the sessions of server.admin.user within TIME, the containers that hold its password and the services that depend on it.
You must accept each by name; otherwise nothing is changed and the exit code is 1. Then sets a generated password, tries a
login with the new and one with the previous password, stores the new one as app-roles:adminPassword, and runs pulumi up without a
refresh, which updates the state. Recorded legacy URLs that log in with the previous password get the new one, so that a rollback
works; a service on legacy that the stack runs is restarted with it. If the command is interrupted, run it again: it continues
where it stopped. Run it in the folder of Pulumi.yaml.`,
  example: "app-roles rotate-superuser --watch 8h --accept service/worker",
})
  .addOption(
    new Option(
      "--watch <TIME>",
      "how long to watch sessions, such as 8h; 0 looks once. A session shorter than a second can be missed",
    )
      .argParser(time)
      .default(600_000, "10min"),
  )
  .option(
    "--accept <NAME>",
    "accept the finding with this name; can be repeated. On a terminal the command asks for each",
    collect,
  )
  .option("--yes", "change the password without asking")
  .option(
    "--keep-legacy-urls",
    "keep the previous password in recorded legacy URLs: services cannot be rolled back to them, and services on legacy that use one fail at their next login",
  )
  .addOption(stackOption())
  .action(async (options: RotateSuperuserOptions) => {
    const { rotateSuperuser } = await import("./rotate-superuser.ts");
    process.exitCode = await rotateSuperuser(options);
  });
