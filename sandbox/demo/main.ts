/** `npm run demo`: the runbook's migration from end to end, on the real engine and a real Postgres, every claim checked. */
import { findEngine } from "../engine/engine.ts";
import { createLegacyEstate } from "../legacy/index.ts";
import { startPostgres } from "../postgres/server.ts";
import { createSandbox } from "../project/sandbox.ts";
import { Demo } from "./demo.ts";
import { Stack } from "./stack.ts";
import { steps } from "./steps/index.ts";
import { ClaimFailed, Terminal } from "./terminal.ts";

const engine = await findEngine();
const terminal = new Terminal(process.stdout);
terminal.line("app-roles: six services leave the Postgres superuser, one at a time", "bold");

const postgres = await startPostgres();
await createLegacyEstate(postgres);
const sandbox = await createSandbox({ postgres });
const plugins = Object.entries(sandbox.plugins).map(([name, kind]) => `${name} (${kind})`);
terminal.say(
  `Pulumi ${engine.version}, PostgreSQL ${postgres.version}, plugins pgaccess, ${plugins.join(", ")}. Every line with a tick is checked; the demo ends at the first that does not hold.`,
);

const demo = new Demo({ terminal, stack: new Stack(terminal, sandbox), server: postgres });
try {
  for (const step of steps) {
    terminal.step(step.title);
    await step.run(demo);
  }
  terminal.line();
  terminal.times();
  terminal.line();
  terminal.line(`All ${terminal.claims} claims held.`, "bold");
} catch (error) {
  if (!(error instanceof ClaimFailed)) throw error;
  terminal.line(`  ✗ does not hold: ${error.message}`, "red");
  process.exitCode = 1;
} finally {
  await demo.close();
  await Promise.all([sandbox.remove(), postgres.stop()]);
}
