/** A stack with many roles, and a program of as many resources of the same shape that do nothing. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Postgres } from "../sandbox/postgres/server.ts";
import { createSandbox, type Sandbox } from "../sandbox/project/sandbox.ts";
import { type Cost, costOf } from "./cpu.ts";
import { createDatabase, roleNames, type Size, schemaNames } from "./estate.ts";
import type { Shape } from "./floor-program.ts";
import { usual } from "./prod.ts";

/** Creates a database and a stack for its roles, before their first up. */
export async function createRoleStack(server: Postgres, database: string, size: Size): Promise<Sandbox> {
  await (await createDatabase(server, database, { ...size, roles: 0 })).end();
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

/** A program that does nothing. */
export interface Floor {
  sandbox: Sandbox;
  /** The number of its resources. */
  resources: number;
  remove(): Promise<void>;
}

/** Creates the program for the resources in the state of `ours`. */
export async function createFloor(server: Postgres, ours: Sandbox): Promise<Floor> {
  const { resources } = await stateOf(ours);
  const folder = await mkdtemp(join(tmpdir(), "app-roles-bench-"));
  const shape = join(folder, "shape.json");
  await writeFile(shape, JSON.stringify(shapeOf(resources)));
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
  const remove = async () => {
    await sandbox.remove();
    await rm(folder, { recursive: true });
  };
  return { sandbox, resources: resources.length, remove };
}

export function costOfUp({ dir: cwd, env }: Sandbox): Promise<Cost> {
  const command = ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive"];
  return costOf(command, { cwd, env: usual(env) });
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
