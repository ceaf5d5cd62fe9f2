import { expect, test } from "vitest";
import { measureTree } from "../../../cli/timing/process-times.ts";

const burn = "const end = process.cpuUsage().user + 150_000; while (process.cpuUsage().user < end);";

test.skipIf(process.platform !== "linux")("a process's child is measured, also if nobody waits for it", async () => {
  const child = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(`/* grandchild */ ${burn}`)}])`;
  const script = `/* child */ ${child}.unref(); setTimeout(() => process.exit(3), 1500);`;
  const { processes, cpu, code } = await measureTree([process.execPath, "-e", script], { env: process.env });
  expect(code).toBe(3);
  const grandchild = processes.find(({ command }) => command.includes("-e /* grandchild */"));
  expect(grandchild?.cpu).toBeGreaterThan(0);
  expect(cpu).toBeGreaterThanOrEqual(grandchild?.cpu ?? Number.NaN);
});

test.skipIf(process.platform !== "linux")("a command that cannot be started is an error", async () => {
  await expect(measureTree(["/no/such/command"], { env: process.env })).rejects.toThrow(/ENOENT/);
});
