import { Option } from "commander";
import { formats } from "../env/format.ts";
import { command, policyPackOption, stackOption, time } from "../terminal/command.ts";
import type { CutoverOptions } from "./cutover.ts";

export const cutoverCommand = command("cutover", {
  summary: "cuts one service over to its role, watches it, and rolls it back if it is not healthy",
  description: `Runs pulumi up with connectAs: role for the service, waits until the service passes its gate, and then sets connectAs: role
in Pulumi.<stack>.yaml. If the gate fails, or the up fails or is interrupted, the command immediately rolls the service back to its
legacy URL, as app-roles rollback does, and exits with code 1. Run it in the folder of Pulumi.yaml.

A service with the runtime external is restarted by you: the command writes its URL, tells you when to restart it, and waits for
the first session of its role. If no session appears, or you interrupt the command, it exits with code 1 and rolls nothing back;
run it again to keep waiting. For a service that is already on its role, --watch only watches it. If a watch is interrupted, or
the service cannot be observed for a minute (no server, no login, no Docker), the command reports what it saw, rolls nothing back
and exits with code 1.`,
  example: "app-roles cutover billing --watch 45m",
})
  .argument("<SERVICE>")
  .option(
    "--watch <TIME>",
    "then watch sessions, containers and logs for this long (45m) and roll back if the service is not healthy; an external service is not rolled back, the exit code is 1",
    time,
  )
  .option("--file <PATH>", "external: write its URL to this file (mode 0600), as app-roles env does")
  .addOption(
    new Option("--format <FORMAT>", "external: format of the file; default: dotenv").choices(Object.keys(formats)),
  )
  .option("--timeout <TIME>", "external: how long to wait for its first session; default: 15m", time)
  .addOption(policyPackOption())
  .addOption(stackOption())
  .action(async (service: string, options: CutoverOptions) => {
    const { cutover } = await import("./cutover.ts");
    process.exitCode = await cutover(service, options);
  });
