import { Option } from "commander";
import { command, stackOption } from "../terminal/command.ts";
import type { EnvOptions } from "./env.ts";
import { formats } from "./format.ts";

export const envCommand = command("env", {
  summary: "prints or writes the DATABASE_URL that is in force for a service",
  description: `The URL is the one of the last completed up, or the legacy URL after a rollback that no up has followed yet; its key is the
service's urlKey. A file is written atomically with mode 0600. Without --file the URL is printed to standard output, to a terminal only with --show.`,
  example: "app-roles env billing --format docker-secret --file billing.url",
})
  .argument("<SERVICE>")
  .addOption(
    new Option(
      "--format <FORMAT>",
      "compose: an override file for docker compose; docker-secret: only the value, for docker secret create NAME FILE",
    )
      .choices(Object.keys(formats))
      .default("dotenv"),
  )
  .option("--file <PATH>", "the file to write")
  .option("--show", "print it to a terminal")
  .addOption(stackOption())
  .action(async (service: string, options: Omit<EnvOptions, "service">) => {
    const { env } = await import("./env.ts");
    process.exitCode = await env({ ...options, service });
  });
