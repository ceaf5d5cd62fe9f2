import { cutOver } from "../cut-over.ts";
import type { DockerDemo } from "../docker-demo.ts";

export const title = "cron goes on: nobody has to wait for gateway";

export async function run(demo: DockerDemo): Promise<void> {
  await cutOver(demo, "cron");
}
