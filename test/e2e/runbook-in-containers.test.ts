import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";

const demo = fileURLToPath(new URL("../../sandbox/demo/main.ts", import.meta.url));

test("six containers follow the runbook under load: five are cut over, one is rolled back, and the swarm service fails no request", async ({
  skip,
}) => {
  const { code, stdout, stderr } = await run(process.execPath, [demo, "--docker"]);
  const why = /This machine cannot run the demo with containers: (.*)/.exec(stdout)?.[1];
  skip(why !== undefined, why);
  expect(code, stdout + stderr).toBe(0);
  const table = stdout.split("\n").filter((line) => / (swarm|container|compose) .* \d+ +\d+ +[\d.]+$/.test(line));
  console.log(table.join("\n"));
  const rows = table.map((line) => line.trim().split(/ {2,}/));
  expect(rows.map(([name, , login]) => `${name} as ${login}`)).toEqual([
    "dashboard_api as dashboard_app",
    "ingest_worker as tracksolid_owner",
    "worker as tracksolid_owner",
    "webhook_receiver as tracksolid_owner",
    "gateway as postgres",
    "cron as cron_app",
  ]);
  expect(rows[0]?.[4]).toBe("0");
}, 900_000);
