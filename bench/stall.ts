/**
 * Part of `npm run bench`: the longest INSERT of a writer while its table moves to a new owner, compared with how long one ALTER by
 * hand holds the table; in turn, on one server in one run. The table stands for a hypertable: TimescaleDB changes 1,100 chunks in
 * one ALTER, and PostgreSQL changes 1,100 indexes in one. The indexes contain no row, so an INSERT is not slower.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import pg from "pg";
import { ownership } from "../provider/ownership/resource.ts";
import { Server } from "../provider/postgres/connection.ts";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { machine, median } from "./cpu.ts";
import { silentCall, timed } from "./estate.ts";
import type { InsertTask } from "./insert-process.ts";
import { saveResult } from "./results.ts";

const [indexes = 1100, rounds = 7] = process.argv.slice(2).map(Number);
const server = await startPostgres({ settings: { max_locks_per_transaction: 4096 } });
const db = new pg.Client({ connectionString: server.url() });
await db.connect();
for (const role of ["first", "second"]) await db.query(`CREATE ROLE ${role}`);
await db.query("CREATE SCHEMA app; CREATE TABLE app.chunked (id int, at timestamptz DEFAULT now())");
await db.query(
  `DO $$ BEGIN FOR i IN 1..${indexes} LOOP EXECUTE format('CREATE INDEX ON app.chunked ((id + %s)) WHERE id < 0', i); END LOOP; END $$`,
);
const admin = new Server({ ...server, database: "postgres", sslmode: "disable" });

const holds: number[] = [];
const stalls = { byHand: [] as number[], byPlugin: [] as number[] };
for (let round = 0; round < rounds; round++) {
  await db.query("ALTER TABLE app.chunked OWNER TO postgres");
  stalls.byHand.push(
    await longestInsert(async () => {
      holds.push(await timed(() => db.query("ALTER TABLE app.chunked OWNER TO first")));
    }),
  );
  await db.query("ALTER TABLE app.chunked OWNER TO postgres");
  stalls.byPlugin.push(await longestInsert(() => ownership(admin).apply(goal(), undefined, silentCall)));
}
await Promise.all([admin.close(), db.end()]);
await server.stop();

const [hold, byHand, byPlugin] = [holds, stalls.byHand, stalls.byPlugin].map(median) as [number, number, number];
const ratio = byPlugin / hold;
console.log(
  `a table of 1 + ${indexes} relations, ${rounds} rounds, medians; PostgreSQL ${server.version}; ${machine()}`,
);
console.log(`one ALTER by hand holds it ${hold.toFixed(0)} ms`);
console.log(`longest INSERT meanwhile ${byHand.toFixed(0)} ms, while the plugin moves it ${byPlugin.toFixed(0)} ms`);
console.log(`ratio of the plugin's to the hold ${ratio.toFixed(2)} x`);
if (indexes === 1100) {
  const values = `${byPlugin.toFixed(0)} ms / ${hold.toFixed(0)} ms; during the ALTER by hand ${byHand.toFixed(0)} ms`;
  saveResult("stall", { measured: ratio, values, rounds });
}

function goal() {
  return {
    database: "postgres",
    owner: "second",
    schemas: ["app"],
    keepOwner: {},
    alsoOwn: [],
    roles: ["second"],
    former: { owners: {}, acls: {}, columnAcls: {}, roles: {}, defaultPrivileges: [] },
  };
}

/** Milliseconds. */
async function longestInsert(work: () => Promise<unknown>): Promise<number> {
  const writer = fork(new URL("insert-process.ts", import.meta.url));
  const task: InsertTask = { url: server.url(), statement: "INSERT INTO app.chunked VALUES (1)" };
  writer.send(task);
  await once(writer, "message");
  // Its first INSERTs read the catalog.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await work();
  writer.send("stop");
  const [longest] = (await once(writer, "message")) as [number];
  return longest;
}
