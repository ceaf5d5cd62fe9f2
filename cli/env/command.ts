import { Option } from "commander";
import { command, stackOption } from "../terminal/command.ts";
import type { EnvOptions } from "./env.ts";
import { formats } from "./format.ts";

export const envCommand = command("env", {
  summary: "writes the DATABASE_URL that is in force for a service, for whatever deploys it",
  description: `The URL of the last up that completed, or the legacy one after a rollback that no up has followed yet, under the service's urlKey. A file is written at once and whole, for its owner
alone (0600). Without --file it goes to standard output, but to a terminal only with --show.`,
  example: "app-roles env billing --format docker-secret --file billing.url",
})
  .argument("<SERVICE>")
  .addOption(
    new Option(
      "--format <FORMAT>",
      "compose: an override file for docker compose; docker-secret: the value alone, for docker secret create NAME FILE",
    )
      .choices(Object.keys(formats))
      .default("dotenv"),
  )
  .option("--file <PATH>", "where to write it")
  .option("--show", "show it on the terminal")
  .addOption(stackOption())
  .action(async (service: string, options: Omit<EnvOptions, "service">) => {
    const { env } = await import("./env.ts");
    process.exitCode = await env({ ...options, service });
  });
