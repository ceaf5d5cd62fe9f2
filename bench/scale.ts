/**
 * Part of `npm run bench:peers`: whether the plugin's work grows in proportion, up to 1,000 roles and 10,000 tables on 25
 * databases, and its memory. Then all roles in one database, where the server needs more time for each
 * role, because every access control list contains all of them. Each is compared with one hand-written transaction per database.
 */
import { fork } from "node:child_process";
import pg from "pg";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { createDatabase, roleNames, type Size, timed } from "./estate.ts";
import { handwrittenTransaction } from "./writers.ts";
import type { WritersResult, WritersTask } from "./writers-process.ts";

const server = await startPostgres();
const root = new pg.Client({ connectionString: server.url() });
await root.connect();

console.log(
  `PostgreSQL ${server.version}; milliseconds, and milliseconds per role; peak memory of the plugin's process`,
);
console.log(
  line("roles", "tables", "databases", "by hand", "per role", "first up", "per role", "nothing", "per role", "MiB"),
);
const perDatabase = { roles: 40, schemas: 10, tables: 40 };
for (const count of [6, 12, 25]) await measure(perDatabase, count);
for (const roles of [100, 200]) await measure({ roles, schemas: 3, tables: 40 }, 1);
await root.end();
await server.stop();

/** Prints one line: that many databases of that size, with hand-written SQL and with the plugin. */
async function measure(size: Size, count: number): Promise<void> {
  const byHand = await databases("by_hand", size, count);
  const byPlugin = await databases("by_plugin", size, count);
  const hand = await timed(() =>
    inTurn(byHand, ({ name, client }) => client.query(handwrittenTransaction(name, size))),
  );
  const { first, nothing, memory } = await measureWriters(
    byPlugin.map(({ name }) => name),
    size,
  );
  await inTurn([...byHand, ...byPlugin], (each) => drop(each, size));
  const roles = size.roles * count;
  const counts = [roles, size.schemas * size.tables * count, count];
  const times = [hand, first, nothing].flatMap((time) => [time.toFixed(0), (time / roles).toFixed(1)]);
  console.log(line(...counts, ...times, memory.toFixed(0)));
}

interface Database {
  name: string;
  client: pg.Client;
}

async function databases(prefix: string, size: Size, count: number): Promise<Database[]> {
  const made: Database[] = [];
  for (let index = 0; index < count; index++) {
    const name = `${prefix}${index}`;
    made.push({ name, client: await createDatabase(server, name, size) });
  }
  return made;
}

async function drop({ name, client }: Database, size: Size): Promise<void> {
  await client.end();
  await root.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await root.query(`DROP ROLE ${roleNames(name, size).join(", ")}`);
}

async function inTurn<T>(all: T[], work: (one: T) => Promise<unknown>): Promise<void> {
  for (const one of all) await work(one);
}

/** In its own process. */
function measureWriters(names: string[], size: Size): Promise<WritersResult> {
  const { host, port, user, password } = server;
  const task: WritersTask = { server: { host, port, user, password }, databases: names, size };
  return new Promise((resolve, reject) => {
    const child = fork(new URL("writers-process.ts", import.meta.url));
    child.once("message", (result: WritersResult) => resolve(result));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the process ended with exit code ${code}`)));
    child.send(task);
  });
}

function line(...cells: (string | number)[]): string {
  return cells.map((cell) => String(cell).padStart(10)).join("");
}
