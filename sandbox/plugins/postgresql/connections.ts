import { Client } from "pg";
import type { Config } from "./config.ts";

/** The official plugin's connections: a limited number at a time, each closed after its work. */
export class Connections {
  readonly config: Config;
  private readonly waiting: (() => void)[] = [];
  private free: number;

  constructor(config: Config) {
    this.config = config;
    this.free = config.maxConnections > 0 ? config.maxConnections : Number.POSITIVE_INFINITY;
  }

  /** Runs `work` on a new connection. */
  async session<T>(work: (client: Client) => Promise<T>): Promise<T> {
    await this.acquire();
    try {
      const client = await this.connect();
      try {
        return await work(client);
      } finally {
        await client.end().catch(() => undefined);
      }
    } finally {
      this.free++;
      this.waiting.shift()?.();
    }
  }

  /** Runs `work` in a transaction on a new connection. */
  transaction<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.session(async (client) => {
      await client.query("BEGIN");
      const result = await work(client);
      await client.query("COMMIT");
      return result;
    });
  }

  private async acquire(): Promise<void> {
    while (this.free <= 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.free--;
  }

  private async connect(): Promise<Client> {
    const { host, port, database, username, password, ssl, connectTimeout } = this.config;
    const client = new Client({
      host,
      port,
      database,
      user: username,
      password,
      ssl,
      connectionTimeoutMillis: Math.max(connectTimeout, 0) * 1000,
      fallback_application_name: "Terraform provider",
    });
    // The next query reports a lost connection. Without a listener the event would end the process.
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      throw new Error(`error connecting to PostgreSQL server ${host} (scheme: postgres): ${(error as Error).message}`);
    }
  }
}
