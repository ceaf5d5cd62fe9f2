/** `npm run demo`: the runbook's migration from end to end, on the real engine and a real Postgres, every claim checked. */
import { createLegacyEstate } from "../legacy/index.ts";
import { startPostgres } from "../postgres/server.ts";
import { createSandbox } from "../project/sandbox.ts";
import { Demo } from "./demo.ts";
import { Stack } from "./stack.ts";
import { steps } from "./steps/index.ts";
import { ClaimFailed, Terminal } from "./terminal.ts";

const terminal = new Terminal(process.stdout);
terminal.line("app-roles: six services leave the Postgres superuser, one at a time", "bold");

const postgres = await startPostgres();
await createLegacyEstate(postgres);
const sandbox = await createSandbox({ postgres });
const demo = new Demo({ terminal, stack: new Stack(terminal, sandbox), server: postgres });

try {
  for (const step of steps) {
    terminal.step(step.title);
    await step.run(demo);
  }
  terminal.line();
  terminal.times();
} catch (error) {
  if (!(error instanceof ClaimFailed)) throw error;
  terminal.line(`  ✗ does not hold: ${error.message}`, "red");
  process.exitCode = 1;
} finally {
  await demo.close();
  await Promise.all([sandbox.remove(), postgres.stop()]);
}
