import { command, policyPackOption, stackOption } from "../terminal/command.ts";
import type { RotateOptions } from "./rotate.ts";

export const rotateCommand = command("rotate", {
  summary: "gives a role a new password, and its services with it, in one up",
  description: `Makes a new password and runs an ordinary up: the server takes the password, and every service on the role that the stack
deploys is redeployed with it at once and then watched by its gate. Sessions that are open go on; how
long new logins with the former password failed is measured and printed. With rotation: alternate none fail: the services get
the role's other login role, and the former one is refused once they are well. A service with the runtime external you bring
its new URL yourself: that is asked about first, where it would fail. Run it in the folder of Pulumi.yaml.`,
  example: "app-roles rotate billing_app",
})
  .argument("<ROLE>")
  .option("--yes", "do not ask about external services")
  .addOption(policyPackOption())
  .addOption(stackOption())
  .action(async (role: string, options: RotateOptions) => {
    const { rotate } = await import("./rotate.ts");
    process.exitCode = await rotate(role, options);
  });
