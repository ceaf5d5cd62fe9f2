import { cutOver } from "../cut-over.ts";
import type { Demo } from "../demo.ts";

export const title = "Cutover: dashboard_api first, the reader, the lowest risk";

export async function run(demo: Demo): Promise<void> {
  demo.terminal.say("One line of config is the switch. The URL to deploy is a stack output, a secret.");
  await cutOver(demo, "dashboard_api", "role");
}
