import { Option } from "commander";
import { command, cwdOption, stackOption } from "../terminal/command.ts";
import type { ConfirmOptions } from "./confirm.ts";

export const confirmCommand = command("confirm", {
  summary: "records whether a service runs migrations, with the evidence",
  description: `Sets migrates of a service in Pulumi.<stack>.yaml, with a comment that has the date and the evidence. A service on
unconfirmed cannot be cut over. Needs neither the server nor Pulumi's engine if --stack is given.`,
  example: `app-roles confirm cron --migrates false --because "entrypoint.sh starts crond only; no DDL in a week of log_statement=ddl"`,
})
  .argument("<SERVICE>")
  .addOption(
    new Option("--migrates <ANSWER>", "whether it runs DDL, usually at its start")
      .choices(["true", "false"])
      .makeOptionMandatory(),
  )
  .requiredOption("--because <TEXT>", "what shows it: the evidence for those who read the file later")
  .addOption(stackOption())
  .addOption(cwdOption())
  .action(async (service: string, options: Omit<ConfirmOptions, "service">) => {
    const { confirm } = await import("./confirm.ts");
    process.exitCode = await confirm({ ...options, service });
  });
