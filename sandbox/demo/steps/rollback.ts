import { cutOver } from "../cut-over.ts";
import type { Demo } from "../demo.ts";

export const title = "The way back: dashboard_api to the superuser, and to its role again";

export async function run(demo: Demo): Promise<void> {
  await cutOver(demo, "dashboard_api", "legacy");
  demo.terminal.claim(
    demo.deployedUrl("dashboard_api") === demo.legacyUrl("tracksolid_db"),
    "the URL is the one it had before, byte for byte",
  );
  await cutOver(demo, "dashboard_api", "role");
}
