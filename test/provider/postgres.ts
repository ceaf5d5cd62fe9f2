import pg from "pg";
import type { ServerAddress } from "../../provider/postgres/connection.ts";
import { startPostgres as startServer } from "../../sandbox/postgres/server.ts";

/** A real server for one test file. */
export interface TestPostgres {
  /** Its address, with the login of the superuser. */
  address: ServerAddress;
  /** Opens a connection that `stop` ends. Default: as the superuser, to `postgres`. */
  connect(options?: { user?: string; password?: string; database?: string }): Promise<pg.Client>;
  stop(): Promise<void>;
}

/** @param version one of the sandbox's `availableVersions()`, default the embedded one */
export async function startPostgres(version?: number): Promise<TestPostgres> {
  const server = await startServer(version === undefined ? {} : { version });
  const { host, port, user: admin, password: adminPassword } = server;
  const clients: pg.Client[] = [];
  return {
    address: { host, port, user: admin, password: adminPassword, database: "postgres", sslmode: "disable" },
    async connect({ user = admin, password = adminPassword, database = "postgres" } = {}) {
      const client = new pg.Client({ host, port, user, password, database });
      client.on("error", () => undefined);
      await client.connect();
      clients.push(client);
      return client;
    },
    async stop() {
      await Promise.all(clients.map((client) => client.end()));
      await server.stop();
    },
  };
}
