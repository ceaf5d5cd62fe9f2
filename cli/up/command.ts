import { policyPackConfigOption } from "../review/command.ts";
import { command, cwdOption, file, policyPackOption, stackOption } from "../terminal/command.ts";
import type { UpOptions } from "./up.ts";

export const upCommand = command("up", {
  summary: "applies a reviewed change, and nothing else",
  description: `Previews again and compares configuration, program and every planned change with a review that app-roles review --save
wrote. If all are the same, it runs pulumi up; otherwise it says what moved and changes nothing. During the up the plugin refuses every
change on the server that the review does not list. Without a terminal it needs --yes. Exit code 1: something moved, the preview fails,
or the up failed.`,
  example: "app-roles up --reviewed review.json --policy-pack policies --yes",
})
  .requiredOption("--reviewed <FILE>", "the file that app-roles review --save wrote", file)
  .option("--yes", "do not ask for confirmation")
  .option("--quiet", "show no progress of the preview")
  .addOption(policyPackOption())
  .addOption(policyPackConfigOption())
  .addOption(stackOption())
  .addOption(cwdOption())
  .action(async (options: UpOptions) => {
    const { up } = await import("./up.ts");
    process.exitCode = await up(options);
  });
