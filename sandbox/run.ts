/**
 * `npm run sandbox -- COMMAND...` runs a command in a temporary environment that needs no installed software: a Postgres
 * server with the runbook's databases, `pulumi` on the PATH, the stacks prod and staging, which manage that server, and a
 * copy of the project as the current directory. Removes everything afterwards and exits with the command's exit code.
 */
import { spawn } from "node:child_process";
import { findEngine } from "./engine/engine.ts";
import { createLegacyEstate } from "./legacy/index.ts";
import { startPostgres } from "./postgres/server.ts";
import { exitCode } from "./process.ts";
import { createSandbox } from "./project/sandbox.ts";

const [command, ...args] = process.argv.slice(2);
try {
  if (!command) throw new Error("specify a command, for example: npm run sandbox -- pulumi preview");
  process.exitCode = await runInSandbox(command, args);
} catch (error) {
  console.error(`sandbox: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function runInSandbox(command: string, args: string[]): Promise<number> {
  // Building the engine can take minutes, so the server starts afterwards.
  await findEngine();
  const postgres = await startPostgres();
  await createLegacyEstate(postgres);
  const sandbox = await createSandbox({ postgres, stacks: ["prod", "staging"] });
  if (process.stdin.isTTY) {
    const { version, port } = postgres;
    console.error(
      `sandbox: stacks prod (selected) and staging; PostgreSQL ${version} with the legacy estate on port ${port}`,
    );
  }
  const child = spawn(command, args, {
    cwd: sandbox.dir,
    stdio: "inherit",
    env: {
      ...sandbox.env,
      // For psql.
      PGHOST: postgres.host,
      PGPORT: String(postgres.port),
      PGUSER: postgres.user,
      PGDATABASE: "postgres",
    },
  });
  // The terminal sends Ctrl-C to the command too, so this process only waits for it. It forwards SIGTERM.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(exitCode(code, signal)));
    });
  } finally {
    await Promise.all([sandbox.remove(), postgres.stop()]);
  }
}
