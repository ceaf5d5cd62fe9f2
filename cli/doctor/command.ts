import { command, stackOption } from "../terminal/command.ts";

export const doctorCommand = command("doctor", {
  summary: "checks the prerequisites of an up, and prints how to fix what is wrong",
  description: `Checks Node, the engine and its plugins, the stack with its configuration, backend, lock and state, the server (address,
admin, free connection slots), the policy pack, and Docker if a service needs it. Changes nothing and shows no secret. Exit code
1: something is wrong. Run it in the folder of Pulumi.yaml.`,
  example: "app-roles doctor --stack prod",
})
  .addOption(stackOption())
  .action(async ({ stack }: { stack?: string }) => {
    const { doctor } = await import("./doctor.ts");
    process.exitCode = await doctor(stack);
  });
