import { command, stackOption } from "../terminal/command.ts";

export const doctorCommand = command("doctor", {
  summary: "looks at all that an up needs, and says what to do about what is wrong",
  description: `Looks at Node, the engine and its plugins, the stack with its configuration, backend, lock and state, the server (the way to
it, the admin, free slots), the policy pack, and Docker where a service needs it. Changes nothing and shows no secret. Exit
code 1 when something is wrong. Run it in the folder of Pulumi.yaml.`,
  example: "app-roles doctor --stack prod",
})
  .addOption(stackOption())
  .action(async ({ stack }: { stack?: string }) => {
    const { doctor } = await import("./doctor.ts");
    process.exitCode = await doctor(stack);
  });
