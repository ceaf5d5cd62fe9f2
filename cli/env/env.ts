import type { Service } from "../../model/stack.ts";
import { writeFileAtomically } from "../../provider/write-file.ts";
import { pulumi } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { legacyUrlOf } from "../rollback/find-source.ts";
import { UsageError } from "../terminal/command.ts";
import { type Format, formats } from "./format.ts";

export interface EnvOptions {
  service: string;
  format: Format;
  /** Default: standard output. */
  file?: string;
  /** Print to a terminal too. */
  show?: boolean;
  stack?: string;
}

export async function env({ service, format, file, show, stack }: EnvOptions): Promise<number> {
  if (file === undefined && process.stdout.isTTY && !show) {
    throw new UsageError("the URL is a secret: write it with --file PATH, or print it with --show");
  }
  const configured = await readStack(stack, "without the server");
  const { services } = configured;
  const declared = services.find(({ name }) => name === service);
  if (!declared) {
    throw new Error(
      `the stack declares no service ${service}; it declares ${services.map(({ name }) => name).join(", ")}`,
    );
  }
  const url = await urlOf(declared, stack, configured);
  const text = formats[format](declared.urlKey, url, declared.compose?.service ?? service);
  if (file === undefined) process.stdout.write(text);
  else {
    await writeFileAtomically(file, text, { encoding: "utf8" }).catch((error: Error) => {
      throw new Error(`cannot write ${file}: ${error.message}`);
    });
  }
  return 0;
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
    `${name} was rolled back; the stack's outputs have its legacy URL after the next pulumi up. This is the legacy URL.`,
  );
  return legacyUrlOf(declared, stack, configured);
}

interface Outputs {
  databaseUrls?: Record<string, string>;
  services?: Record<string, { connectAs: string }>;
}
