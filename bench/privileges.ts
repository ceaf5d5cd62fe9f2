/**
 * `npm run bench:peers`: all work of the plugin for many roles (settings, privileges, default privileges) compared with one
 * hand-written transaction, on one server in one run. Only the ratios matter.
 */
import { Server } from "../provider/postgres/connection.ts";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { createDatabase, type Size, timed } from "./estate.ts";
import { handwrittenTransaction, Writers, writerTypes } from "./writers.ts";

const [roles = 60, schemas = 3, tables = 40] = process.argv.slice(2).map(Number);
const size: Size = { roles, schemas, tables };
const server = await startPostgres();
const byHand = await createDatabase(server, "by_hand", size);
const byPlugin = await createDatabase(server, "by_plugin", size);
const admin = new Server({ ...server, database: "postgres", sslmode: "disable" });
const writers = new Writers(writerTypes(admin), "by_plugin", size);

const handwritten = await timed(() => byHand.query(handwrittenTransaction("by_hand", size)));
const first = await timed(() => writers.apply());
const nothing = await timed(() => writers.plan());

console.log(`${roles} roles x ${schemas} schemas x ${tables} tables, PostgreSQL ${server.version}`);
console.log(row("one hand-written transaction", handwritten));
console.log(row("the plugin, first apply", first));
console.log(row("the plugin, nothing to do", nothing));
console.log(`peak memory of this process ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
await admin.close();
await Promise.all([byHand.end(), byPlugin.end()]);
await server.stop();

function row(what: string, milliseconds: number): string {
  const ratio = (milliseconds / handwritten).toFixed(2);
  return `${what.padEnd(32)} ${milliseconds.toFixed(0).padStart(7)} ms ${ratio.padStart(6)} x`;
}
