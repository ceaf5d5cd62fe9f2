/**
 * Part of `npm run bench:peers`: a whole `pulumi up` and a `pulumi preview` without changes of the stack, compared with a program with the
 * same roles and privileges on the official Grant resources, on one server in one run. Needs the official plugin
 * `postgresql`, because the sandbox's stand-in has no Grant.
 */
import { readFile } from "node:fs/promises";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { createSandbox, type Sandbox } from "../sandbox/project/sandbox.ts";
import { createDatabase, roleNames, type Size, schemaNames, timed } from "./estate.ts";
import type { OfficialTask } from "./official-grants.ts";

const [roles = 60, schemas = 3, tables = 40] = process.argv.slice(2).map(Number);
const size: Size = { roles, schemas, tables };
const server = await startPostgres();
for (const database of ["ours", "official"]) {
  await (await createDatabase(server, database, { ...size, roles: 0 })).end();
}

console.log(`${roles} roles x ${schemas} schemas x ${tables} tables, PostgreSQL ${server.version}; seconds`);
const ours = await measureOurs();
console.log(line("this stack", ours));
const official = await measureOfficial();
if (official) {
  console.log(line("official Grant resources", official));
  console.log(
    `ratio: up ${(ours.up / official.up).toFixed(2)} x, preview ${(ours.preview / official.preview).toFixed(2)} x`,
  );
} else {
  console.log("the official Grant resources: the plugin postgresql here is the sandbox's stand-in, which has none");
}
await server.stop();

interface Times {
  /** Milliseconds. */
  up: number;
  preview: number;
}

async function measureOurs(): Promise<Times> {
  const sandbox = await createSandbox({ postgres: server });
  const declared = roleNames("ours", size).map((role) => [role, { connectionLimit: 1, access: { ours: "writer" } }]);
  await sandbox.setConfig("databases", { ours: { schemas: schemaNames(size) } });
  await sandbox.setConfig("roles", Object.fromEntries(declared));
  for (const key of ["existingRoles", "services"]) await sandbox.setConfig(key, undefined);
  return measure(sandbox, {});
}

/** Undefined if it cannot run here. */
async function measureOfficial(): Promise<Times | undefined> {
  const program = await readFile(new URL("official-grants.ts", import.meta.url), "utf8");
  const sandbox = await createSandbox({
    postgres: server,
    files: { "index.ts": program.replaceAll('"../', '"./') },
  });
  if (sandbox.plugins.postgresql !== "official") {
    await sandbox.remove();
    return undefined;
  }
  const { host, port, user: username } = server;
  const names = { roles: roleNames("official", size), schemas: schemaNames(size) };
  const task: OfficialTask = { host, port, username, database: "official", ...names };
  return measure(sandbox, { BENCH: JSON.stringify(task) });
}

async function measure(sandbox: Sandbox, env: NodeJS.ProcessEnv): Promise<Times> {
  const run = async (args: string[]) => {
    const { code, stdout, stderr } = await sandbox.pulumi(args, { env });
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  };
  try {
    const up = await timed(() => run(["up", "--yes", "--skip-preview", "--suppress-outputs"]));
    const preview = await timed(() => run(["preview", "--expect-no-changes", "--suppress-outputs"]));
    return { up, preview };
  } finally {
    await sandbox.remove();
  }
}

function line(what: string, { up, preview }: Times): string {
  const seconds = (time: number) => (time / 1000).toFixed(1).padStart(7);
  return `${what.padEnd(28)} up ${seconds(up)}  preview with nothing to do ${seconds(preview)}`;
}
