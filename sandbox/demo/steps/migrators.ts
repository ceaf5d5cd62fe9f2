import { cutOver } from "../cut-over.ts";
import type { Demo } from "../demo.ts";

export const title = "Cutover: the three migrators, one at a time, onto the shared owner";

export async function run(demo: Demo): Promise<void> {
  demo.terminal.say("They run DDL at every start, so tracksolid_owner owns what they alter.");
  for (const name of ["ingest_worker", "worker", "webhook_receiver"] as const) await cutOver(demo, name, "role");
}
