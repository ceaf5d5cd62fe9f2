import { Option } from "commander";
import { collect, command, cwdOption, file, policyPackOption, stackOption } from "../terminal/command.ts";
import type { ReviewOptions } from "./review.ts";

export const reviewCommand = command("review", {
  summary: "prints a preview as Markdown for a pull request",
  description: `Runs pulumi preview and prints what it changes for people, in at most 60 lines whatever the size: the budget, roles and limits,
privileges, owners, services that restart, warnings that the last up did not give, and policies that fail. It changes nothing, and
prints no secret. --save also writes what the review was computed from; npx app-roles up --reviewed applies only that.
Exit code 1: the preview fails or a policy refuses the up; the review says why.`,
  example: "app-roles review --policy-pack policies --save review.json > review.md",
})
  .option("--save <FILE>", "write what the review was computed from, for up --reviewed; not if the review fails", file)
  .addOption(policyPackOption())
  .addOption(policyPackConfigOption())
  .option("--quiet", "show no progress")
  .addOption(stackOption())
  .addOption(cwdOption())
  .action(async (options: ReviewOptions) => {
    const { review } = await import("./review.ts");
    process.exitCode = await review(options);
  });

export function policyPackConfigOption(): Option {
  return new Option(
    "--policy-pack-config <FILE>",
    "configuration of the policy pack, as in pulumi up; can be repeated",
  ).argParser(collect);
}
