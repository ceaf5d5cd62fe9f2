import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { movesTowards } from "../../../provider/ownership/moves.ts";
import { readOwnedObjects } from "../../../provider/ownership/objects.ts";
import { reassign } from "../../../provider/ownership/reassign.ts";
import { type Queryable, Server } from "../../../provider/postgres/connection.ts";
import { inTransaction } from "../../../provider/postgres/transaction.ts";
import { type Postgres, startPostgres as startServer } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";

let postgres: Postgres;
let server: Server;

beforeAll(async () => {
  // The WAL writer sleeps, so only a commit that waits for the WAL writes it to the disk.
  postgres = await startServer({ settings: { wal_writer_delay: "10s", wal_buffers: "16MB", jit: "on" } });
  const { host, port, user, password } = postgres;
  server = new Server({ host, port, user, password, database: "postgres", sslmode: "disable" });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

test("the plugin's queries are not compiled, on a server that compiles those of others", async () => {
  const jit = (db: Queryable) => db.query("SELECT current_setting('jit') AS jit").then(({ rows }) => rows[0]);
  expect(await server.session(undefined, jit)).toEqual({ jit: "off" });
  const client = await reconnect();
  expect(await jit(client)).toEqual({ jit: "on" });
  await client.end();
});

/** Runs `work` on a session of the plugin and then crashes the server. */
async function thenCrash<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
  let pid = 0;
  const result = await server.session(undefined, async (db) => {
    const { rows } = await db.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    const result = await work(db);
    // The postmaster treats a killed backend as a crash: it discards the shared memory and recovers from the WAL.
    pid = rows[0]?.pid as number;
    process.kill(pid, "SIGKILL");
    return result;
  });
  await expect
    .poll(
      async () => {
        const client = await reconnect();
        const { rows } = await client
          .query("SELECT FROM pg_stat_activity WHERE pid = $1", [pid])
          .catch(() => ({ rows: [0] }));
        await client.end().catch(() => undefined);
        return rows;
      },
      { timeout: 60_000 },
    )
    .toEqual([]);
  return result;
}

test("changes of owner that are reported as done survive a crash of the server", async () => {
  const goal = { owner: "k_owner", schemas: ["k"], keepOwner: {}, alsoOwn: [], roles: ["k_owner"] };
  const before = await reconnect();
  await before.query(`CREATE ROLE k_owner; CREATE SCHEMA k; GRANT USAGE, CREATE ON SCHEMA k TO k_owner;
    DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format('CREATE TABLE k.t%s (id int)', i); END LOOP; END $$`);
  await before.query("CHECKPOINT");
  await before.end();
  const { moved } = await thenCrash(async (db) =>
    reassign(db, movesTowards(goal, await readOwnedObjects(db, ["k"])), testCall()),
  );
  expect(moved).toBe(400);
  const after = await reconnect();
  const { rows } = await after.query(
    "SELECT count(*)::int AS moved FROM pg_tables WHERE schemaname = 'k' AND tableowner = 'k_owner'",
  );
  await after.end();
  expect(rows).toEqual([{ moved: 400 }]);
});

test("a transaction that is reported as done survives a crash, even if the server's commits do not wait for the disk", async () => {
  await thenCrash((db) => inTransaction(db, testCall(), "creating a role", () => db.query("CREATE ROLE k_durable")));
  const after = await reconnect();
  const { rows } = await after.query("SELECT rolname FROM pg_roles WHERE rolname = 'k_durable'");
  await after.end();
  expect(rows).toEqual([{ rolname: "k_durable" }]);
});

async function reconnect(): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client({ connectionString: postgres.url() });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}
