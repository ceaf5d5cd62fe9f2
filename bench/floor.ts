/**
 * Part of `npm run bench`: a whole `pulumi up` and a `pulumi preview` without changes of the stack, compared with a program of as
 * many resources of the same shape that do nothing. CPU time of the process tree, without the server's; in turn, on one server in
 * one run. The arguments are numbers of roles.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { createSandbox, type Sandbox } from "../sandbox/project/sandbox.ts";
import { type Cost, costOf, machine, median } from "./cpu.ts";
import { createDatabase, roleNames, type Size, schemaNames } from "./estate.ts";
import type { Shape } from "./floor-program.ts";

const counts = process.argv.slice(2).map(Number);
const server = await startPostgres({ maxConnections: 600 });
const rounds = 3;
console.log(
  `up, and preview with nothing to do (median of ${rounds}); CPU s; PostgreSQL ${server.version}; ${machine()}`,
);
for (const roles of counts.length > 0 ? counts : [60]) await compare({ roles, schemas: 3, tables: 40 });
await server.stop();

/** What one program cost. */
interface Measured {
  up: Cost;
  previews: Cost[];
}

async function compare(size: Size): Promise<void> {
  const database = `roles${size.roles}`;
  await (await createDatabase(server, database, { ...size, roles: 0 })).end();
  const folder = await mkdtemp(join(tmpdir(), "app-roles-bench-"));
  const ours = await createStack(database, size);
  try {
    const up = await runIn(ours, "up");
    const { resources } = await stateOf(ours);
    const shape = join(folder, "shape.json");
    await writeFile(shape, JSON.stringify(shapeOf(resources)));
    const floor = await createFloor(folder, shape);
    try {
      const measured: Measured = { up, previews: [] };
      const least: Measured = { up: await runIn(floor, "up"), previews: [] };
      for (let round = 0; round < rounds; round++) {
        least.previews.push(await runIn(floor, "preview"));
        measured.previews.push(await runIn(ours, "preview"));
      }
      print(size, resources.length, measured, least);
    } finally {
      await floor.remove();
    }
  } finally {
    await ours.remove();
    await rm(folder, { recursive: true });
  }
}

function print({ roles }: Size, resources: number, ours: Measured, floor: Measured): void {
  const cpuOf = (costs: Cost[]) => median(costs.map(({ cpu }) => cpu));
  const line = (what: string, [mine, least]: [number, number]) =>
    `${what} ${mine.toFixed(2)} / ${least.toFixed(2)} = ${(mine / least).toFixed(2)} x, ${((mine / roles) * 1000).toFixed(0)} ms per role`;
  const up = line("up", [ours.up.cpu, floor.up.cpu]);
  const preview = line("preview", [cpuOf(ours.previews), cpuOf(floor.previews)]);
  const walls = `wall ${ours.up.wall.toFixed(1)} / ${floor.up.wall.toFixed(1)} s`;
  console.log(`${roles} roles, ${resources} resources: ${up} (${walls}); ${preview}`);
}

async function createStack(database: string, size: Size): Promise<Sandbox> {
  const sandbox = await createSandbox({ postgres: server });
  const declared = roleNames(database, size).map((role) => [
    role,
    { connectionLimit: 1, access: { [database]: "writer" } },
  ]);
  await sandbox.setConfig("databases", { [database]: { schemas: schemaNames(size) } });
  await sandbox.setConfig("roles", Object.fromEntries(declared));
  await sandbox.setConfig("ceiling", 550);
  for (const key of ["existingRoles", "services"]) await sandbox.setConfig(key, undefined);
  return sandbox;
}

async function createFloor(folder: string, shape: string): Promise<Sandbox> {
  const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const plugin = join(folder, "plugin");
  await mkdir(plugin);
  const executable = join(plugin, "pulumi-resource-floor");
  await writeFile(executable, `#!/bin/sh\nexec "${process.execPath}" "${here("floor-plugin.ts")}" "$@"\n`);
  await chmod(executable, 0o755);
  const project = await readFile(here("../Pulumi.yaml"), "utf8");
  const files = {
    "Pulumi.yaml": project.replace("name: pgaccess", "name: floor").replace("path: provider", `path: ${plugin}`),
    "index.ts": await readFile(here("floor-program.ts"), "utf8"),
  };
  const sandbox = await createSandbox({ postgres: server, files });
  sandbox.env.BENCH = shape;
  return sandbox;
}

/** A resource in an exported state. */
interface Stated {
  urn: string;
  type: string;
  custom: boolean;
  inputs?: Record<string, unknown>;
  parent?: string;
  dependencies?: string[];
}

async function stateOf(sandbox: Sandbox): Promise<{ resources: Stated[] }> {
  const { code, stdout, stderr } = await sandbox.pulumi(["stack", "export", "--show-secrets"]);
  if (code !== 0) throw new Error(`pulumi stack export ended with ${code}:\n${stderr}`);
  return (JSON.parse(stdout) as { deployment: { resources: Stated[] } }).deployment;
}

function shapeOf(resources: Stated[]): Shape[] {
  return resources
    .filter(({ type }) => type !== "pulumi:pulumi:Stack" && !type.startsWith("pulumi:providers:"))
    .map(({ urn, type, custom, inputs = {}, parent, dependencies = [] }) => ({
      urn,
      name: `${type.split(":").at(-1)}-${urn.split("::").at(-1)}`,
      ...(custom && { inputs }),
      ...(parent !== undefined && { parent }),
      dependencies,
    }));
}

async function runIn({ dir: cwd, env }: Sandbox, command: "up" | "preview"): Promise<Cost> {
  const options = command === "up" ? ["--yes", "--skip-preview"] : ["--expect-no-changes"];
  // The cache that the sandbox sets is none that users have.
  const { NODE_COMPILE_CACHE: _, ...usual } = env;
  return costOf(["pulumi", command, ...options, "--suppress-outputs", "--non-interactive"], { cwd, env: usual });
}
