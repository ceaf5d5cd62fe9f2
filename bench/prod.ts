import { createLegacyEstate } from "../sandbox/legacy/index.ts";
import type { Postgres } from "../sandbox/postgres/server.ts";
import { createSandbox, type Sandbox } from "../sandbox/project/sandbox.ts";
import { type Cost, costOf } from "./cpu.ts";

const emptyProgram = "export const databaseUrls = {}, connectionBudget = {}, services = {}, roles = {};\n";

/** The runbook's stack and an empty program after their first up, so that a preview has nothing to do. */
export interface Prod {
  ours: Sandbox;
  empty: Sandbox;
  remove(): Promise<void>;
}

export async function createProd(postgres: Postgres): Promise<Prod> {
  await createLegacyEstate(postgres);
  const ours = await createSandbox({ postgres });
  const empty = await createSandbox({ postgres, files: { "index.ts": emptyProgram } });
  for (const sandbox of [empty, ours]) {
    const { code, stdout, stderr } = await sandbox.pulumi(["up", "--yes", "--skip-preview", "--suppress-outputs"]);
    if (code !== 0) throw new Error(`pulumi up ended with ${code}:\n${stdout}${stderr}`);
  }
  const remove = async () => void (await Promise.all([ours.remove(), empty.remove()]));
  return { ours, empty, remove };
}

/** A preview with nothing to do. Throws if there is something. */
export function costOfPreview({ dir: cwd, env }: Sandbox, options: string[] = []): Promise<Cost> {
  const command = ["pulumi", "preview", "--expect-no-changes", "--suppress-outputs", "--non-interactive", ...options];
  return costOf(command, { cwd, env: usual(env) });
}

/** Without the compile cache that the sandbox sets, because users have none there. */
export function usual({ NODE_COMPILE_CACHE: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return env;
}
