import { command, policyPackOption, stackOption } from "../terminal/command.ts";
import type { TimingOptions } from "./timing.ts";

export const timingCommand = command("timing", {
  summary: "prints where the CPU time of a preview goes",
  description: `Runs \`pulumi preview\`, which changes nothing, and measures the CPU time (user and system) of every process that it starts: the engine,
the program, this project's plugin, the plugins of others, the policies. Needs Linux, whose /proc has these times. Exit code 1: the
preview failed; its output is printed.`,
  example: "app-roles timing --policy-pack policies",
})
  .addOption(stackOption())
  .addOption(policyPackOption())
  .action(async (options: TimingOptions) => {
    const { timing } = await import("./timing.ts");
    process.exitCode = await timing(options);
  });
