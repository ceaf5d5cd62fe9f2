import { createLegacyEstate } from "../legacy/index.ts";
import { startPostgres } from "../postgres/server.ts";
import { createSandbox } from "../project/sandbox.ts";
import { Demo, type Play } from "./demo.ts";
import { Stack } from "./stack.ts";
import { migrators, reader, rollback, unconfirmed } from "./steps/cutovers.ts";
import { discovery } from "./steps/discovery.ts";
import { finalTable } from "./steps/final-table.ts";
import { firstUp, preview } from "./steps/first-up.ts";
import { fullServer, legacyServices } from "./steps/legacy-server.ts";
import { refusedBudget, roleLimit } from "./steps/limits.ts";
import { resultPage } from "./steps/result-page.ts";
import type { Terminal } from "./terminal.ts";

const steps = [
  legacyServices,
  fullServer,
  discovery,
  preview,
  firstUp,
  reader,
  migrators,
  roleLimit,
  unconfirmed,
  rollback,
  refusedBudget,
  finalTable,
  resultPage,
];

/** Starts the runbook's server and creates the stack. The services will be processes. */
export async function prepareProcesses(terminal: Terminal): Promise<Play> {
  const postgres = await startPostgres();
  await createLegacyEstate(postgres);
  const sandbox = await createSandbox({ postgres });
  const demo = new Demo({ terminal, stack: new Stack(terminal, sandbox), server: postgres });
  return {
    postgres,
    sandbox,
    steps: steps.map(({ title, run }) => ({ title, run: () => run(demo) })),
    report: () => demo.report,
    async close() {
      await demo.close();
      await Promise.all([sandbox.remove(), postgres.stop()]);
    },
  };
}
