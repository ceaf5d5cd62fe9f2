/**
 * `npm run demo`: the runbook's migration from end to end, on the real engine and a real Postgres, every claim checked; with
 * `-- --docker` its services are containers, moved by `app-roles cutover` while clients use them.
 */
import { parseArgs } from "node:util";
import { findEngine } from "../engine/engine.ts";
import { prepareContainers } from "./docker/prepare.ts";
import { prepareProcesses } from "./prepare.ts";
import { ClaimFailed, Terminal } from "./terminal.ts";

const { values } = parseArgs({ options: { docker: { type: "boolean", default: false } } });
const engine = await findEngine();
const terminal = new Terminal(process.stdout);
terminal.line("app-roles: six services leave the Postgres superuser, one at a time", "bold");

const play = values.docker ? await prepareContainers(terminal) : await prepareProcesses(terminal);
if (typeof play === "string") {
  terminal.line(`  ✗ the demo with containers cannot be shown here: ${play}`, "red");
  process.exit(1);
}
const plugins = Object.entries(play.sandbox.plugins).map(([name, kind]) => `${name} (${kind})`);
terminal.say(
  `Pulumi ${engine.version}, PostgreSQL ${play.postgres.version}, plugins pgaccess, ${plugins.join(", ")}. Every line with a tick is checked; the demo ends at the first that does not hold.`,
);

try {
  for (const step of play.steps) {
    terminal.step(step.title);
    await step.run();
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
  await play.close();
}
