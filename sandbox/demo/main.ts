/**
 * `npm run demo` runs the runbook's whole migration on the real engine and a real Postgres, and checks every claim. With
 * `-- --docker` the services are containers, and `app-roles cutover` cuts them over while clients use them.
 */
import { parseArgs } from "node:util";
import { findEngine } from "../engine/engine.ts";
import { prepareContainers } from "./docker/prepare.ts";
import { prepareProcesses } from "./processes.ts";
import { ClaimFailed, Terminal } from "./terminal.ts";

const { values } = parseArgs({ options: { docker: { type: "boolean", default: false } } });
const engine = await findEngine();
const terminal = new Terminal(process.stdout);
terminal.line("app-roles: six services stop using the Postgres superuser, one at a time", "bold");

const play = values.docker ? await prepareContainers(terminal) : await prepareProcesses(terminal);
if (typeof play === "string") {
  terminal.line(`  ✗ This machine cannot run the demo with containers: ${play}`, "red");
  process.exit(1);
}
const plugins = Object.entries(play.sandbox.plugins).map(([name, kind]) => `${name} (${kind})`);
terminal.say(
  `Pulumi ${engine.version}, PostgreSQL ${play.postgres.version}, plugins pgaccess, ${plugins.join(", ")}. Each line with a tick is a checked claim. The demo stops at the first false claim.`,
);

try {
  for (const step of play.steps) {
    terminal.step(step.title);
    await step.run();
  }
  terminal.line();
  terminal.times();
  terminal.line();
  terminal.line(`All ${terminal.claims} checks passed.`, "bold");
  terminal.line(`The report: ${play.report()}`);
} catch (error) {
  if (!(error instanceof ClaimFailed)) throw error;
  terminal.line(`  ✗ Check failed: ${error.message}`, "red");
  process.exitCode = 1;
} finally {
  await play.close();
}
