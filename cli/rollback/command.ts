import { command, stackOption } from "../terminal/command.ts";

export const rollbackCommand = command("rollback", {
  summary: "rolls one service back to its legacy URL immediately, without the database",
  description: `Restarts the service with the legacy URL recorded in the stack's state, as the script of the rollback kit does. It works
with Postgres down or full; if the server answers, a login with that URL is tried first, and the service is not changed if the
server refuses it. Then sets connectAs: legacy in Pulumi.<stack>.yaml and runs pulumi up to update the state; if the server cannot
be reached, the next up updates it. You can run the command again at any point. Run it in the folder of Pulumi.yaml.

Exit code 0: the service runs with its legacy URL and the stack's file is updated; 1: one of these steps or the up failed, as the
output says.`,
  example: "app-roles rollback billing",
})
  .argument("<SERVICE>")
  .option("--force", "roll back even if the server refuses the legacy URL")
  .addOption(stackOption())
  .action(async (service: string, { stack, force = false }: { stack?: string; force?: boolean }) => {
    const { rollBack } = await import("./rollback.ts");
    process.exitCode = await rollBack(service, stack, force);
  });
