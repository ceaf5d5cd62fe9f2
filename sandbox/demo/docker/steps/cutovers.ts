import { cutOver } from "../cut-over.ts";
import type { DockerDemo } from "../docker-demo.ts";

export const title = "npx app-roles cutover: the reader first, then the three migrators";

export async function run(demo: DockerDemo): Promise<void> {
  demo.terminal.say(
    "One command each: its role and what that owns, a login as the role, the redeploy, and the gate, which watches sessions, containers and log.",
  );
  for (const name of ["dashboard_api", "ingest_worker", "worker", "webhook_receiver"] as const) {
    await cutOver(demo, name);
  }
}
