import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import type { Admin } from "../legacy/index.ts";
import { definitions, type ServiceName } from "../legacy/services/definitions.ts";
import type { Service } from "../legacy/services/service.ts";
import type { Postgres } from "../postgres/server.ts";
import type { Sandbox } from "../project/sandbox.ts";
import type { Stack } from "./stack.ts";
import type { Terminal } from "./terminal.ts";

export interface Step<D> {
  title: string;
  /** Throws ClaimFailed if a claim of the step is false. */
  run(demo: D): Promise<void>;
}

/** A demo that is ready to start. */
export interface Play {
  postgres: Postgres;
  sandbox: Sandbox;
  /** The steps, in order. */
  steps: { title: string; run(): Promise<void> }[];
  /** The file of the report; undefined before its step. */
  report(): string | undefined;
  /** Stops and removes everything except the report. */
  close(): Promise<void>;
}

/** The state that the steps share. */
export class Demo {
  readonly terminal: Terminal;
  readonly stack: Stack;
  /** The running services, in cutover order. */
  readonly services = new Map<ServiceName, Service>();
  /** The DATABASE_URL of each service's last redeploy. */
  readonly deployed = new Map<ServiceName, string>();
  /** The file of the report, once it is written. */
  report: string | undefined;
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

  /** The DATABASE_URL of a service's last redeploy. */
  deployedUrl(name: ServiceName): string {
    const url = this.deployed.get(name);
    if (!url) throw new Error(`${name} has not been cut over`);
    return url;
  }

  /** The URL of a login. */
  url(user: string, password: string, database: string): string {
    return `postgresql://${user}:${password}@${this.server.host}:${this.server.port}/${database}`;
  }

  /** The superuser's URL. */
  legacyUrl(database: string): string {
    return this.url(this.server.user, this.server.password, database);
  }

  /** Queries the server in the admin's session, which the first query opens. */
  async ask<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
    this.session ??= await login(this.legacyUrl("tracksolid_db"), "demo admin");
    return (await this.session.query(sql, values)).rows as Row[];
  }

  /** Closes the admin's session; the next query opens another. */
  async leave(): Promise<void> {
    await this.session?.end();
    this.session = undefined;
  }

  /** The logins of a service's sessions, one entry for each session. */
  async loginsOf(service: ServiceName): Promise<string[]> {
    const rows = await this.ask<{ usename: string }>(
      "SELECT usename FROM pg_stat_activity WHERE application_name = $1 AND backend_type = 'client backend'",
      [service],
    );
    return rows.map(({ usename }) => usename);
  }

  /** The process ids of all services' sessions, or of all other sessions except the demo's own: the stack's. */
  async pids(of: "services" | "stack"): Promise<number[]> {
    const rows = await this.ask<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
       AND application_name = ANY($1) = $2 ORDER BY pid`,
      [Object.keys(definitions), of === "services"],
    );
    return rows.map(({ pid }) => pid);
  }

  /** Stops the services and closes the admin's session. */
  async close(): Promise<void> {
    await Promise.all([...this.services.values()].map((service) => service.stop()));
    await this.leave();
  }
}

/** @throws Postgres's error if it refuses the login */
export async function login(url: string, applicationName: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: applicationName });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Tries a login. Returns Postgres's error, or undefined if the login succeeds. */
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

/** Polls for up to 20 seconds. Returns the first answer that is not undefined, or undefined if there was none. */
export async function until<T>(answer: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await answer();
    if (found !== undefined || Date.now() > end) return found;
    await sleep(100);
  }
}
