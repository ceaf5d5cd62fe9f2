import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";

const demo = fileURLToPath(new URL("../../sandbox/demo/main.ts", import.meta.url));

test("six containers go through the runbook under load: five cut over, one goes back by itself, the swarm's fails no request", async ({
  skip,
}) => {
  const { code, stdout, stderr } = await run(process.execPath, [demo, "--docker"]);
  const why = /the demo with containers cannot be shown here: (.*)/.exec(stdout)?.[1];
  skip(why !== undefined, why);
  expect(code, stdout + stderr).toBe(0);
  const table = stdout.split("\n").filter((line) => / (swarm|container|compose) .* \d+ +\d+ +[\d.]+$/.test(line));
  console.log(table.join("\n"));
  const noticed = table.map((line) => line.trim().split(/ {2,}/));
  expect(noticed.map(([name, , login]) => `${name} as ${login}`)).toEqual([
    "dashboard_api as dashboard_app",
    "ingest_worker as tracksolid_owner",
    "worker as tracksolid_owner",
    "webhook_receiver as tracksolid_owner",
    "gateway as postgres",
    "cron as cron_app",
  ]);
  expect(noticed[0]?.[4]).toBe("0");
}, 900_000);
