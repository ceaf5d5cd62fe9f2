import { Client } from "pg";
import type { Admin } from "../legacy/index.ts";
import type { ServiceName } from "../legacy/services/definitions.ts";
import type { Service } from "../legacy/services/service.ts";
import type { Stack } from "./stack.ts";
import type { Terminal } from "./terminal.ts";

/** What the steps share. */
export class Demo {
  readonly terminal: Terminal;
  readonly stack: Stack;
  /** The running services, in cutover order. */
  readonly services = new Map<ServiceName, Service>();
  /** The DATABASE_URL each cut over service was deployed with last. */
  readonly deployed = new Map<ServiceName, string>();
  private readonly server: Admin;
  private session: Client | undefined;

  constructor(parts: { terminal: Terminal; stack: Stack; server: Admin }) {
    this.terminal = parts.terminal;
    this.stack = parts.stack;
    this.server = parts.server;
  }

  service(name: ServiceName): Service {
    const service = this.services.get(name);
    if (!service) throw new Error(`${name} has not been started`);
    return service;
  }

  /** The DATABASE_URL that a service was deployed with last. */
  deployedUrl(name: ServiceName): string {
    const url = this.deployed.get(name);
    if (!url) throw new Error(`${name} has not been cut over`);
    return url;
  }

  /** The URL a login would dial. */
  url(user: string, password: string, database: string): string {
    return `postgresql://${user}:${password}@${this.server.host}:${this.server.port}/${database}`;
  }

  /** The superuser's URL, as the services have it today. */
  legacyUrl(database: string): string {
    return this.url(this.server.user, this.server.password, database);
  }

  /** Asks the server in the admin's one session, which is opened at the first question and kept. */
  async ask<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
    this.session ??= await login(this.legacyUrl("tracksolid_db"), "demo admin");
    return (await this.session.query(sql, values)).rows as Row[];
  }

  /** Ends the services and the admin's session. */
  async close(): Promise<void> {
    await Promise.all([...this.services.values()].map((service) => service.stop()));
    await this.session?.end();
  }
}

/** Logs in; throws Postgres's error when it is refused. */
export async function login(url: string, applicationName: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: applicationName });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Tries to log in: nothing when it worked, else what Postgres said. */
export async function refusal(url: string): Promise<string | undefined> {
  try {
    const client = await login(url, "demo visitor");
    await client.end();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || !("severity" in error) || !("code" in error)) throw error;
    return `${error.severity}:  ${error.message} (${error.code})`;
  }
}
