import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Postgres, startPostgres } from "../../sandbox/postgres/server.ts";
import { observe } from "../provider/observe.ts";
import { PluginStack } from "./plugin-stack.ts";

/** Debian: postgresql-client-common and postgresql-client-15. */
const hasPgbench = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "pgbench")));
const clients = 100;
const tables = 120;
const declared = {
  database: "postgres",
  schemas: ["app"],
  owner: "shop_owner",
  writer: "shop_writer",
  reader: "shop_reader",
};

let postgres: Postgres;
let admin: pg.Client;
let folder: string;
beforeAll(async () => {
  postgres = await startPostgres({ maxConnections: clients + 20 });
  admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  folder = await mkdtemp(join(tmpdir(), "app-roles-pgbench-"));
  await admin.query(`
    CREATE ROLE legacy LOGIN PASSWORD 'legacy';
    CREATE SCHEMA app; GRANT USAGE, CREATE ON SCHEMA app TO legacy;
    SET ROLE legacy;
    DO $$ BEGIN
      FOR i IN 0..${tables - 1} LOOP
        EXECUTE format('CREATE TABLE app.t%s (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)', i);
        EXECUTE format('INSERT INTO app.t%s SELECT generate_series(1, 100)', i);
        EXECUTE format('CREATE VIEW app.v%s AS SELECT sum(n) AS total FROM app.t%s', i, i);
      END LOOP;
    END $$;
    CREATE FUNCTION app.bump(x int) RETURNS int LANGUAGE sql AS 'SELECT x + 1';
    RESET ROLE`);
});
afterAll(async () => {
  await admin.end();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The output of pgbench, its number of transactions, and the longest in milliseconds. */
interface Load {
  said: string;
  transactions: number;
  longest: number;
}

/** Starts clients that log in as the tables' non-superuser owner; resolves once they work. */
async function startLoad(): Promise<{ end(): Promise<Load> }> {
  const files = Array.from({ length: tables }, (_, table) => join(folder, `${table}.sql`));
  for (const [table, file] of files.entries()) {
    const update = `UPDATE app.t${table} SET n = app.bump(n) WHERE id = :id;`;
    await writeFile(file, `\\set id random(1, 100)\n${update}\nSELECT total FROM app.v${table};\n`);
  }
  // A report that reads for half a second: a session that waits for its table must not block others.
  const report = join(folder, "report.sql");
  await writeFile(report, `BEGIN;\nSELECT total FROM app.v0;\n\\sleep 500 ms\nSELECT total FROM app.v1;\nCOMMIT;\n`);
  const { host, port } = postgres;
  const bench = spawn(
    "pgbench",
    [
      ...["-h", host, "-p", String(port), "-U", "legacy", "-n", "-c", String(clients), "-j", "2", "-T", "600"],
      // At a steady pace: the server and the stack need the processors too.
      ...[
        "-R",
        "400",
        "--log",
        "--log-prefix",
        join(folder, "log"),
        ...[report, ...files].flatMap((file) => ["-f", file]),
      ],
      "postgres",
    ],
    { env: { ...process.env, PGPASSWORD: "legacy" }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const said: string[] = [];
  for (const stream of [bench.stdout, bench.stderr]) stream.on("data", (data) => said.push(String(data)));
  const closed = once(bench, "close");
  const sessions = () => admin.query("SELECT 1 FROM pg_stat_activity WHERE usename = 'legacy'");
  await expect.poll(async () => (await sessions()).rows.length, { timeout: 30_000 }).toBe(clients);
  return {
    async end() {
      bench.kill("SIGINT");
      await closed;
      const logs = (await readdir(folder)).filter((name) => name.startsWith("log"));
      const texts = await Promise.all(logs.map((name) => readFile(join(folder, name), "utf8")));
      const milliseconds = texts.flatMap((text) => text.split("\n")).flatMap(millisecondsOf);
      return { said: said.join(""), transactions: milliseconds.length, longest: Math.max(0, ...milliseconds) };
    },
  };
}

/** Of a line of pgbench's log: client, transaction, microseconds, script, epoch, its microseconds, lag behind the pace. */
function millisecondsOf(line: string): number[] {
  const [, , time, , , , lag] = line.split(" ");
  return time === undefined || lag === undefined ? [] : [(Number(time) - Number(lag)) / 1000];
}

test.skipIf(!hasPgbench)(`${clients} clients see no failed transaction while the stack comes and goes`, async () => {
  const before = await observe(admin);
  const { host, port, user, password } = postgres;
  const address = { host, port, user, password, database: "postgres", sslmode: "disable" };
  const stack = new PluginStack(address, admin, declared);
  const load = await startLoad();
  for (let round = 0; round < 3; round++) {
    await stack.up();
    expect(await stack.preview()).toEqual({});
    await stack.destroy();
  }
  await stack.close();
  const { said, transactions, longest } = await load.end();
  // A failed statement ends its client, which pgbench reports.
  expect(said).not.toMatch(/error|abort|FATAL/i);
  expect(transactions).toBeGreaterThan(clients);
  expect(await observe(admin)).toEqual(before);
  console.log(`${transactions} transactions of ${clients} clients, the longest ${longest.toFixed(0)} ms`);
});
