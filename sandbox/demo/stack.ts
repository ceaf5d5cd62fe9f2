import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { ServiceName } from "../legacy/services/definitions.ts";
import type { Sandbox } from "../project/sandbox.ts";
import { ClaimFailed, type Terminal } from "./terminal.ts";

/** What the demo reads of the stack config (design: stack config). */
interface Config {
  "app-roles:roles": Record<string, { connectionLimit: number }>;
  "app-roles:services": Record<ServiceName, { role: string; pool: { max: number } }>;
}

/** How a pulumi command ended, with all it printed. */
export interface PulumiResult {
  code: number;
  output: string;
}

/** The stack as an operator works with it: the pulumi command and its config file, in the sandbox's copy of the project. */
export class Stack {
  private readonly terminal: Terminal;
  private readonly sandbox: Sandbox;
  private readonly config: Config;

  constructor(terminal: Terminal, sandbox: Sandbox) {
    this.terminal = terminal;
    this.sandbox = sandbox;
    this.config = (parse(readFileSync(join(sandbox.dir, "Pulumi.prod.yaml"), "utf8")) as { config: Config }).config;
  }

  /** The connection limit of each role the stack makes, as declared when the demo starts. */
  get limits(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.config["app-roles:roles"]).map(([role, { connectionLimit }]) => [role, connectionLimit]),
    );
  }

  /** The role a service is to log in as. */
  role(service: ServiceName): string {
    return this.config["app-roles:services"][service].role;
  }

  /** The sessions a service's pool may hold. */
  pool(service: ServiceName): number {
    return this.config["app-roles:services"][service].pool.max;
  }

  /** Runs pulumi and shows the command; what it printed is the caller's to show. */
  async pulumi(args: string[]): Promise<PulumiResult> {
    this.terminal.command(`pulumi ${args.join(" ")}`);
    const { code, stdout, stderr } = await this.sandbox.pulumi(args);
    return { code, output: `${stdout}${stderr}` };
  }

  /** Sets one value of the stack config, such as `services.gateway.migrates`. */
  async set(path: string, value: string): Promise<void> {
    const args = ["config", "set", "--path", `app-roles:${path}`, value];
    const { code, output } = await this.pulumi(args);
    if (code !== 0) throw new ClaimFailed(`pulumi ${args.join(" ")} ended with exit code ${code}:\n${output}`);
  }

  /** `pulumi up` as in a pipeline; shows its summary. */
  async up(): Promise<void> {
    const { code, output } = await this.pulumi(["up", "--yes", "--skip-preview", "--policy-pack", "policies"]);
    if (code !== 0) throw new ClaimFailed(`the up ended with exit code ${code}:\n${output}`);
    this.terminal.quote(summary(output));
  }

  /** The URL to deploy for a service, from the outputs; never printed. */
  async databaseUrl(service: ServiceName): Promise<string> {
    const { code, stdout, stderr } = await this.sandbox.pulumi([
      "stack",
      "output",
      "databaseUrls",
      "--show-secrets",
      "--json",
    ]);
    if (code !== 0) throw new ClaimFailed(`the outputs could not be read:\n${stderr}`);
    const url = (JSON.parse(stdout) as Partial<Record<ServiceName, string>>)[service];
    if (!url) throw new ClaimFailed(`the outputs have no URL for ${service}`);
    return url;
  }
}

/** The part of what an up prints that counts its resources. */
function summary(output: string): string {
  const from = output.search(/^Resources:/m);
  return from < 0 ? output : output.slice(from);
}
