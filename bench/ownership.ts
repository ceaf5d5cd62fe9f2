/**
 * Part of `npm run bench:peers`: the move of many tables to a new owner, one transaction each, compared with a single DO block for
 * the same, on one server in one run; and the delay of a concurrent writer. Only the ratios matter.
 */
import pg from "pg";
import { ownership } from "../provider/ownership/resource.ts";
import { Server } from "../provider/postgres/connection.ts";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { createDatabase, schemaNames, silentCall, timed } from "./estate.ts";

const [tables = 10_000] = process.argv.slice(2).map(Number);
const size = { roles: 1, schemas: 1, tables };
const server = await startPostgres({ settings: { max_locks_per_transaction: 512 } });
const byBlock = await createDatabase(server, "by_block", size);
const byPlugin = await createDatabase(server, "by_plugin", size);
const admin = new Server({ ...server, database: "postgres", sslmode: "disable" });
const goal = {
  database: "by_plugin",
  owner: "by_plugin_0",
  schemas: schemaNames(size),
  keepOwner: {},
  alsoOwn: [],
  roles: ["by_plugin_0"],
  former: { owners: {}, acls: {}, columnAcls: {}, roles: {}, defaultPrivileges: [] },
};

const block = await timed(() =>
  byBlock.query(
    `DO $$ BEGIN FOR i IN 1..${tables} LOOP EXECUTE format('ALTER TABLE app0.t%s OWNER TO by_block_0', i); END LOOP; END $$`,
  ),
);
const writer = await startWriter();
const moved = await timed(() => ownership(admin).apply(goal, undefined, silentCall));
const stall = await writer.stop();
const again = await timed(async () => {
  const { changes } = await ownership(admin).plan(goal, undefined, {});
  if (Object.keys(changes).length > 0) throw new Error("after the move some objects still have the wrong owner");
});

console.log(`${tables} tables, PostgreSQL ${server.version}`);
console.log(row("one DO block, all locks together", block));
console.log(row("the plugin, one transaction each", moved));
console.log(row("the plugin, nothing to do", again));
console.log(`longest INSERT of a concurrent writer ${stall.toFixed(0)} ms`);
console.log(`peak memory of this process ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
await admin.close();
await Promise.all([byBlock.end(), byPlugin.end()]);
await server.stop();

function row(what: string, milliseconds: number): string {
  return `${what.padEnd(34)} ${milliseconds.toFixed(0).padStart(7)} ms ${(milliseconds / block).toFixed(2).padStart(6)} x`;
}

/** Inserts into one table after the other as fast as it can; `stop` returns the longest wait in milliseconds. */
async function startWriter(): Promise<{ stop(): Promise<number> }> {
  const client = new pg.Client({ connectionString: server.url("by_plugin") });
  await client.connect();
  let running = true;
  let longest = 0;
  const work = (async () => {
    for (let i = 0; running; i = (i + 1) % tables) {
      longest = Math.max(longest, await timed(() => client.query(`INSERT INTO app0.t${i + 1} VALUES (1)`)));
    }
    await client.end();
  })();
  return {
    async stop() {
      running = false;
      await work;
      return longest;
    },
  };
}
