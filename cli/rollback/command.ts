import { command, stackOption } from "../terminal/command.ts";

export const rollbackCommand = command("rollback", {
  summary: "puts one service back on its legacy URL, at once and without the database",
  description: `Restarts the service with the legacy URL that the stack's state has recorded, as the script of the rollback kit does: the
database need not answer, so it works with Postgres down or full; where it does, a login with that URL is tried first, and the
service stays as it is when the server refuses it. Then sets connectAs: legacy in Pulumi.<stack>.yaml, and runs
an ordinary pulumi up, which brings the state along; where the server cannot be reached that is left to the next one. It may be
run again at any point. Run it in the folder of Pulumi.yaml.

Exit code 0: the service is on its legacy URL and the stack's file says so; 1: one of these failed, or the up did, and what is
printed says which.`,
  example: "app-roles rollback billing",
})
  .argument("<SERVICE>")
  .option("--force", "also onto a legacy URL that the server refuses")
  .addOption(stackOption())
  .action(async (service: string, { stack, force = false }: { stack?: string; force?: boolean }) => {
    const { rollBack } = await import("./rollback.ts");
    process.exitCode = await rollBack(service, stack, force);
  });
