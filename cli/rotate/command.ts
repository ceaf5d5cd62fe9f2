import { command, policyPackOption, stackOption } from "../terminal/command.ts";
import type { RotateOptions } from "./rotate.ts";

export const rotateCommand = command("rotate", {
  summary: "changes the password of a role and redeploys its services, in one up",
  description: `Generates a new password and runs pulumi up: it sets the password on the server, and immediately redeploys every service on
the role that the stack deploys; each service must pass its gate. Open sessions continue. The command measures and prints how long
new logins with the previous password failed. With rotation: alternate no login fails: the services switch to the role's other login
role, and the previous one is refused once they are healthy. You update a service with the runtime external yourself; the command
asks for confirmation if its logins would fail. Run it in the folder of Pulumi.yaml.`,
  example: "app-roles rotate billing_app",
})
  .argument("<ROLE>")
  .option("--yes", "do not ask for confirmation for external services")
  .addOption(policyPackOption())
  .addOption(stackOption())
  .action(async (role: string, options: RotateOptions) => {
    const { rotate } = await import("./rotate.ts");
    process.exitCode = await rotate(role, options);
  });
