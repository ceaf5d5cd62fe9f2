/**
 * Part of `npm run bench`: the peak memory of the plugin's process for many tables in one database, next to that of one without work.
 * The argument is the number of tables.
 */
import { startPostgres } from "../sandbox/postgres/server.ts";
import { machine, median } from "./cpu.ts";
import { memoryOfEmptyPlugin, memoryOfUp } from "./plugin-memory.ts";
import { saveResult } from "./results.ts";
import { inTurn } from "./rounds.ts";

const [tables = 10_000, rounds = 3] = process.argv.slice(2).map(Number);
const server = await startPostgres({ settings: { max_locks_per_transaction: 512 } });
let databases = 0;
const costs = await inTurn(
  {
    empty: () => memoryOfEmptyPlugin(server),
    up: () => memoryOfUp(server, `tables${databases++}`, { schemas: 1, tables }),
  },
  ({ up }) => up.length === rounds,
);
await server.stop();

const megabytes = Math.round((median(costs.up) * 2 ** 20) / 1e6);
const empty = Math.round((median(costs.empty) * 2 ** 20) / 1e6);
console.log(
  `peak memory of the plugin's process, ${rounds} rounds, medians; PostgreSQL ${server.version}; ${machine()}`,
);
console.log(`without work ${empty} MB, with ${tables} tables ${megabytes} MB`);
if (tables === 10_000) saveResult("memory", { measured: megabytes, values: `${empty} MB without work`, rounds });
