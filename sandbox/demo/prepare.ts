import { createLegacyEstate } from "../legacy/index.ts";
import { startPostgres } from "../postgres/server.ts";
import { createSandbox } from "../project/sandbox.ts";
import { Demo } from "./demo.ts";
import type { Play } from "./play.ts";
import { Stack } from "./stack.ts";
import { steps } from "./steps/index.ts";
import type { Terminal } from "./terminal.ts";

/** The runbook's server, and the stack; the services will be processes. */
export async function prepareProcesses(terminal: Terminal): Promise<Play> {
  const postgres = await startPostgres();
  await createLegacyEstate(postgres);
  const sandbox = await createSandbox({ postgres });
  const demo = new Demo({ terminal, stack: new Stack(terminal, sandbox), server: postgres });
  return {
    postgres,
    sandbox,
    steps: steps.map(({ title, run }) => ({ title, run: () => run(demo) })),
    async close() {
      await demo.close();
      await Promise.all([sandbox.remove(), postgres.stop()]);
    },
  };
}
