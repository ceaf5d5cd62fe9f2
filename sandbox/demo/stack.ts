import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { ServiceName } from "../legacy/services/definitions.ts";
import { run } from "../process.ts";
import type { Sandbox } from "../project/sandbox.ts";
import { ClaimFailed, type Terminal } from "./terminal.ts";

/** The part of the stack configuration that the demo reads. */
interface Config {
  "app-roles:roles": Record<string, { connectionLimit: number }>;
  "app-roles:services": Record<ServiceName, { role: string; pool: { max: number } }>;
}

/** The exit code and the whole output of a command. */
export interface PulumiResult {
  code: number;
  output: string;
}

/** A section of the engine's output below its list of resources. */
export type Section = "Policies" | "Diagnostics" | "Resources";

/** The stack as an operator uses it: the pulumi command and the configuration file, in the sandbox's copy of the project. */
export class Stack {
  private readonly terminal: Terminal;
  private readonly sandbox: Sandbox;
  private readonly config: Config;

  constructor(terminal: Terminal, sandbox: Sandbox) {
    this.terminal = terminal;
    this.sandbox = sandbox;
    this.config = (parse(readFileSync(join(sandbox.dir, "Pulumi.prod.yaml"), "utf8")) as { config: Config }).config;
  }

  /** The roles that the stack creates. */
  get roles(): string[] {
    return Object.keys(this.config["app-roles:roles"]);
  }

  /** The connection limit of a role, as declared at the start of the demo. */
  limit(role: string): number {
    const declared = this.config["app-roles:roles"][role];
    if (!declared) throw new Error(`Pulumi.prod.yaml declares no role ${role}`);
    return declared.connectionLimit;
  }

  /** The role of a service. */
  role(service: ServiceName): string {
    return this.config["app-roles:services"][service].role;
  }

  /** The maximum number of sessions in a service's pool. */
  pool(service: ServiceName): number {
    return this.config["app-roles:services"][service].pool.max;
  }

  /** Runs pulumi. Shows the command and these sections of its output. */
  async pulumi(args: string[], show: Section[] = []): Promise<PulumiResult> {
    this.terminal.command(`pulumi ${args.join(" ")}`);
    const { code, stdout, stderr } = await this.sandbox.pulumi(args);
    const output = `${stdout}${stderr}`;
    const shown = show.map((section) => sectionOf(output, section)).filter((text) => text !== "");
    for (const text of shown.length === 0 && code !== 0 ? [output.trimEnd()] : shown) this.terminal.quote(text);
    return { code, output };
  }

  /** Runs app-roles. Shows the command and its own messages. */
  async appRoles(args: string[]): Promise<PulumiResult> {
    this.terminal.command(`npx app-roles ${args.join(" ")}`);
    const { dir, env } = this.sandbox;
    const command = [join(dir, "bin/app-roles.js"), ...args];
    const { code, stdout, stderr } = await run("node", command, { cwd: dir, env: { ...env, NO_COLOR: "1" } });
    this.terminal.quote(code === 0 ? sectionOf(stdout, "Diagnostics") || stdout.trim() : stderr.trim());
    return { code, output: `${stdout}${stderr}` };
  }

  /** Sets values of the stack configuration by path, such as `services.gateway.migrates`. */
  async set(values: Record<string, string>): Promise<void> {
    for (const [path, value] of Object.entries(values)) {
      await this.must(["config", "set", "--path", `app-roles:${path}`, value]);
    }
  }

  /** Runs `pulumi up` as a pipeline does. */
  async up(): Promise<void> {
    await this.must(["up", "--yes", "--skip-preview"], ["Diagnostics", "Resources"]);
  }

  /** The URL of each service, from the stack outputs. The demo never prints them. */
  async databaseUrls(): Promise<Record<ServiceName, string>> {
    return JSON.parse(await this.must(["stack", "output", "databaseUrls", "--show-secrets", "--json"]));
  }

  private async must(args: string[], show: Section[] = []): Promise<string> {
    const { code, output } = await this.pulumi(args, show);
    if (code !== 0) throw new ClaimFailed(`pulumi ${args.join(" ")} ended with exit code ${code}`);
    return output;
  }
}

function sectionOf(output: string, section: Section): string {
  const lines = output.split("\n");
  const start = lines.indexOf(`${section}:`);
  if (start < 0) return "";
  const length = lines.slice(start + 1).findIndex((line) => /^\S/.test(line));
  return lines
    .slice(start, length < 0 ? undefined : start + 1 + length)
    .filter((line) => line.trim() !== "")
    .join("\n");
}
