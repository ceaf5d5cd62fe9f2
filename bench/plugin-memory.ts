import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { PropertyMap } from "../provider/rpc/values.ts";
import type { Postgres } from "../sandbox/postgres/server.ts";
import { PluginProcess } from "../test/provider/rpc/plugin-process.ts";
import { createDatabase, type Size, schemaNames } from "./estate.ts";

const executable = fileURLToPath(new URL("../provider/pulumi-resource-pgaccess", import.meta.url));

/** MiB that a plugin without any work needs at most. */
export function memoryOfEmptyPlugin(server: Postgres): Promise<number> {
  return memoryOf(server, async () => undefined);
}

/**
 * MiB that the plugin needs at most, in an up that records a new database, changes the owner of all its tables and grants a role
 * privileges on them, and then in a preview with nothing to do; with the calls of the engine.
 */
export async function memoryOfUp(server: Postgres, database: string, size: Omit<Size, "roles">): Promise<number> {
  await (await createDatabase(server, database, { ...size, roles: 0 })).end();
  const owner = `${database}_owner`;
  const schemas = schemaNames({ ...size, roles: 1 });
  return memoryOf(server, async (plugin) => {
    const recorded = await create(plugin, "Baseline", { database, schemas, roles: [owner] });
    const former = recorded.outputs.snapshot as string;
    await createRole(server, owner);
    const moved = { database, owner, schemas, keepOwner: {}, alsoOwn: [], roles: [owner], former };
    const granted = { role: owner, database, access: "owner", schemas, creators: [owner] };
    const made = [await create(plugin, "Ownership", moved), await create(plugin, "Privileges", granted)];
    for (const { urn, declared, inputs } of made) {
      const { inputs: news } = await plugin.check(urn, declared, inputs);
      if (Object.keys(news.changes as PropertyMap).length > 0) throw new Error(`${urn}: changes are left after its up`);
    }
  });
}

/** As the official plugin does in an up. */
async function createRole(server: Postgres, role: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  await client.query(`CREATE ROLE ${role} LOGIN`);
  await client.end();
}

async function create(plugin: PluginProcess, type: string, declared: PropertyMap) {
  const urn = `urn:pulumi:bench::app-roles::pgaccess:index:${type}::bench`;
  const { inputs, failures } = await plugin.check(urn, declared);
  if (failures.length > 0) throw new Error(`${urn}: ${failures.map(({ reason }) => reason).join("; ")}`);
  const { outputs } = await plugin.create(urn, inputs);
  return { urn, declared, inputs, outputs };
}

async function memoryOf(server: Postgres, work: (plugin: PluginProcess) => Promise<void>): Promise<number> {
  const plugin = await PluginProcess.start([executable]);
  try {
    const { host, port, user, password } = server;
    await plugin.configure({ host, port: String(port), user, password, database: "postgres", sslmode: "disable" });
    await work(plugin);
    const status = await readFile(`/proc/${plugin.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  } finally {
    await plugin.stop();
  }
}
