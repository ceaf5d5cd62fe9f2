import { parseArgs } from "node:util";
import { type ConfiguredStack, readStack } from "../../config/command-line.ts";
import type { Service } from "../../model/stack.ts";
import { writeFileAtOnce } from "../../provider/write-file.ts";
import { pulumi } from "../pulumi/pulumi.ts";
import { legacyUrlOf } from "../rollback/legacy-url.ts";
import { type Command, UsageError } from "../terminal/command.ts";
import { onlyWord, reading } from "../terminal/options.ts";
import { formatNamed, formats } from "./format.ts";

export const env: Command = {
  summary: "writes the DATABASE_URL that is in force for a service, for whatever deploys it",
  usage: `app-roles env SERVICE [--format dotenv|json|compose|docker-secret] [--file PATH] [--show] [--stack NAME]

The URL of the last up that completed, or the legacy one after a rollback that no up has followed yet, under the service's urlKey. A file is written at once and whole, for its owner
alone (0600). Without --file it goes to standard output, but to a terminal only with --show.

  --format FORMAT   dotenv (default); json; compose: an override file for docker compose; docker-secret: the value alone,
                    for docker secret create NAME FILE
  --file PATH       where to write it
  --show            show it on the terminal
  --stack NAME      the stack; default: the selected one`,

  async run(args) {
    const { service, format, file, show, stack } = options(args);
    if (file === undefined && process.stdout.isTTY && !show) {
      throw new UsageError("this is a secret: write it with --file PATH, or show it with --show");
    }
    const configured = await readStack(stack, "without the server");
    const { services } = configured;
    const declared = services.find(({ name }) => name === service);
    if (!declared) {
      throw new Error(
        `the stack declares no service ${service}; it has ${services.map(({ name }) => name).join(", ")}`,
      );
    }
    const url = await urlOf(declared, stack, configured);
    const text = formats[format](declared.urlKey, url, declared.compose?.service ?? service);
    if (file === undefined) process.stdout.write(text);
    else {
      await writeFileAtOnce(file, text, { encoding: "utf8" }).catch((error: Error) => {
        throw new Error(`cannot write ${file}: ${error.message}`);
      });
    }
    return 0;
  },
};

function options(args: string[]) {
  return reading(() => {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        format: { type: "string" },
        file: { type: "string" },
        show: { type: "boolean", default: false },
        stack: { type: "string" },
      },
    });
    const service = onlyWord(positionals, "service");
    return { ...values, service, format: formatNamed(values.format) };
  });
}

async function urlOf(declared: Service, stack: string | undefined, configured: ConfiguredStack): Promise<string> {
  const { name, connectAs } = declared;
  const args = ["stack", "output", "--json", "--show-secrets", "--non-interactive"];
  const text = await pulumi("read the stack's outputs", [...args, ...(stack === undefined ? [] : ["--stack", stack])]);
  const { databaseUrls = {}, services = {} } = JSON.parse(text) as Outputs;
  const url = Object.hasOwn(databaseUrls, name) ? databaseUrls[name] : undefined;
  if (url === undefined) throw new Error(`no up has completed for ${name} yet: run pulumi up first`);
  if (connectAs === "role" || services[name]?.connectAs !== "role") return url;
  console.error(
    `${name} went back to its legacy URL, which the next pulumi up takes into the outputs: this is that URL.`,
  );
  return legacyUrlOf(declared, stack, configured);
}

interface Outputs {
  databaseUrls?: Record<string, string>;
  services?: Record<string, { connectAs: string }>;
}
