/**
 * `npm run bench`: all that the plugin does for many roles (settings, privileges, default privileges) beside one
 * hand-written transaction for the same, on one server in one run. Only the ratios mean anything.
 */
import { Server } from "../provider/connection.ts";
import { privileges } from "../provider/resources/privileges.ts";
import { toResource } from "../provider/resources/reconciler.ts";
import { roleSettings } from "../provider/resources/role-settings.ts";
import type { ResourceType } from "../provider/rpc/provider.ts";
import type { PropertyMap } from "../provider/rpc/values.ts";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { createDatabase, roleNames, type Size, schemaNames, silentCall, timed } from "./estate.ts";

const [roles = 60, schemas = 3, tables = 40] = process.argv.slice(2).map(Number);
const size: Size = { roles, schemas, tables };
const setting = { idle_session_timeout: "30min" };
const server = await startPostgres();
const byHand = await createDatabase(server, "by_hand", size);
const byPlugin = await createDatabase(server, "by_plugin", size);
const admin = new Server({ ...server, database: "postgres", sslmode: "disable" });

const settingsType = toResource(roleSettings(admin));
const privilegesType = toResource(privileges(admin));

const handwritten = await timed(() => byHand.query(handwrittenTransaction()));
const resources: { type: ResourceType; inputs: PropertyMap }[] = roleNames("by_plugin", size).flatMap((role) => [
  { type: settingsType, inputs: { role, settings: setting } },
  {
    type: privilegesType,
    inputs: { role, database: "by_plugin", access: "writer", schemas: schemaNames(size), creators: ["postgres"] },
  },
]);
const inState: PropertyMap[] = [];
const first = await timed(async () => {
  for (const { type, inputs } of resources) {
    const checked = await type.check(silentCall, { news: inputs, randomSeed: new Uint8Array() });
    await type.create(silentCall, { inputs: checked.inputs, preview: false, timeout: 0 });
    inState.push(checked.inputs);
  }
});
let pending = 0;
const nothing = await timed(async () => {
  for (const [index, { type, inputs }] of resources.entries()) {
    const olds = inState[index] as PropertyMap;
    const { inputs: news } = await type.check(silentCall, { olds, news: inputs, randomSeed: new Uint8Array() });
    pending += Object.keys(news.changes as PropertyMap).length;
  }
});

console.log(`${roles} roles x ${schemas} schemas x ${tables} tables, PostgreSQL ${server.version}`);
console.log(row("one hand-written transaction", handwritten));
console.log(row("the plugin, first apply", first));
console.log(row("the plugin, nothing to do", nothing));
console.log(`memory of this process ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at the most`);
if (pending > 0) throw new Error(`after the first apply ${pending} changes are still planned`);
await admin.close();
await Promise.all([byHand.end(), byPlugin.end()]);
await server.stop();

function row(what: string, milliseconds: number): string {
  const ratio = (milliseconds / handwritten).toFixed(2);
  return `${what.padEnd(32)} ${milliseconds.toFixed(0).padStart(7)} ms ${ratio.padStart(6)} x`;
}

/** What a person would write, with psql's whole-schema forms. */
function handwrittenTransaction(): string {
  const statements = roleNames("by_hand", size).flatMap((role) => [
    `ALTER ROLE ${role} SET idle_session_timeout = '30min'`,
    `GRANT CONNECT, TEMPORARY ON DATABASE by_hand TO ${role}`,
    ...schemaNames(size).flatMap((schema) => [
      `GRANT USAGE ON SCHEMA ${schema} TO ${role}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
      `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT USAGE, SELECT ON SEQUENCES TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT EXECUTE ON FUNCTIONS TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT USAGE ON TYPES TO ${role}`,
    ]),
  ]);
  return `BEGIN; ${statements.join("; ")}; COMMIT`;
}
