/**
 * `npm run sandbox -- COMMAND...`: runs a command where the stack runs with nothing installed. A Postgres server with the
 * runbook's estate is up, `pulumi` is on the PATH, the stacks prod and staging point at the server, and the current
 * directory is a copy of the project. Everything is gone once the command ends, with the command's exit code.
 */
import { spawn } from "node:child_process";
import { findEngine } from "./engine/engine.ts";
import { createLegacyEstate } from "./legacy/index.ts";
import { startPostgres } from "./postgres/server.ts";
import { exitCode } from "./process.ts";
import { createSandbox } from "./project/sandbox.ts";

const [command, ...args] = process.argv.slice(2);
try {
  if (!command) throw new Error("which command? Such as: npm run sandbox -- pulumi preview");
  process.exitCode = await runInSandbox(command, args);
} catch (error) {
  console.error(`sandbox: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function runInSandbox(command: string, args: string[]): Promise<number> {
  // First, since building it may take minutes, in which nobody needs a server.
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
      // For psql and whatever else is run by hand.
      PGHOST: postgres.host,
      PGPORT: String(postgres.port),
      PGUSER: postgres.user,
      PGDATABASE: "postgres",
    },
  });
  // Ctrl-C reaches the command by itself, and what it does about it is waited for; a SIGTERM is passed on.
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
