import { Option } from "commander";
import { formats } from "../env/format.ts";
import { command, policyPackOption, stackOption, time } from "../terminal/command.ts";
import type { CutoverOptions } from "./cutover.ts";

export const cutoverCommand = command("cutover", {
  summary: "puts one service on its role, watches it, and goes back by itself when it is not well",
  description: `Runs an ordinary pulumi up with connectAs: role for the service, which must then pass its gate, and sets that in
Pulumi.<stack>.yaml once all went well. When its gate refuses it, or the up fails or is interrupted, the service is put back on
its legacy URL at once, as by app-roles rollback, and the exit code is 1. Run it in the folder of Pulumi.yaml.

You restart a service with the runtime external: the command hands out its URL, says when to restart it, and waits for the first
session of its role. When none comes, or the command is interrupted, the exit code is 1 and nothing is rolled back; run it again
to go on waiting. Of a service that is on its role already, --watch watches it. A watch that is interrupted, or that can see the
service no longer for a minute (no server, no login, no Docker), says what it saw until then and ends with exit code 1; nothing
is rolled back.`,
  example: "app-roles cutover billing --watch 45m",
})
  .argument("<SERVICE>")
  .option(
    "--watch <TIME>",
    "after that, watch sessions, containers and log for so long (45m), and go back on trouble; an external service stays where it is, and trouble is exit code 1",
    time,
  )
  .option("--file <PATH>", "external: where its URL is written (0600), as by app-roles env")
  .addOption(
    new Option("--format <FORMAT>", "external: the file's format; default: dotenv").choices(Object.keys(formats)),
  )
  .option("--timeout <TIME>", "external: for how long its first session is waited for; default: 15m", time)
  .addOption(policyPackOption())
  .addOption(stackOption())
  .action(async (service: string, options: CutoverOptions) => {
    const { cutover } = await import("./cutover.ts");
    process.exitCode = await cutover(service, options);
  });
