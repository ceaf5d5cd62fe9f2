import { claimServed } from "../cut-over.ts";
import type { DockerDemo } from "../docker-demo.ts";

export const title = "A missing grant: gateway writes, but its role was declared a reader";

export async function run(demo: DockerDemo): Promise<void> {
  const { terminal, stack } = demo;
  const before = demo.failedElsewhere("gateway");
  const { code, output } = await stack.appRoles(["cutover", "gateway"]);
  terminal.claim(code === 1, "the cutover has failed, and says so with its exit code", code);
  terminal.claim(
    /gateway is back on its legacy URL.*permission denied for (table|view) /s.test(output),
    "it is back by itself, and the line of its log that tells why is shown",
    output,
  );
  await claimServed(demo, "gateway", "postgres");
  const failed = demo.failedElsewhere("gateway") - before;
  terminal.claim(failed === 0, "no request to another service failed meanwhile", failed);
}
