import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandServices } from "./command-services.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let services: CommandServices;

/** Runs the command to its end; `until` receives its output so far and can send a signal. */
async function appRoles(args: string[], until: (said: string) => NodeJS.Signals | undefined = () => undefined) {
  const child = spawn("node", ["bin/app-roles.js", ...args], { cwd: estate.sandbox.dir, env: estate.sandbox.env });
  let said = "";
  let isTold = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const signal = isTold ? undefined : until(said);
      if (signal) child.kill(signal);
      isTold ||= signal !== undefined;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  estate.printed.push(said);
  return { code, said };
}

beforeAll(async () => {
  estate = await createEstate();
  services = await CommandServices.declare(estate, { timeout: "15s", soak: "1s" });
});
afterAll(async () => {
  await services?.stop();
  await estate?.remove();
});

const switches = () =>
  [...readFileSync(services.at("Pulumi.prod.yaml"), "utf8").matchAll(/^ +connectAs: (\w+)$/gm)]
    .map(([, to]) => to)
    .join(" ");
const untouched = "legacy legacy legacy legacy legacy legacy";

test("invalid cutovers are refused before anything is changed", async () => {
  const before = await appRoles(["cutover", "dashboard_api"]);
  expect(before).toMatchObject({ code: 1, said: expect.stringContaining("no up has completed yet for") });
  await estate.up();
  const unconfirmed = await appRoles(["cutover", "cron"]);
  expect(unconfirmed).toMatchObject({
    code: 1,
    said: expect.stringContaining("app-roles:services.cron.connectAs: stays legacy"),
  });
  expect(await appRoles(["cutover", "nobody"])).toMatchObject({
    code: 1,
    said: expect.stringContaining("no service nobody"),
  });
  expect(switches()).toBe(untouched);
  await estate.sandbox.setConfig("services.worker.connectAs", "role");
  const two = await appRoles(["cutover", "dashboard_api"]);
  expect(two).toMatchObject({ code: 1, said: expect.stringContaining("worker (legacy -> role)") });
  await estate.sandbox.setConfig("services.worker.connectAs", "legacy");
  expect(switches()).toBe(untouched);
});

test("an unhealthy service is rolled back, with the reason at the end", async () => {
  services.isBroken = true;
  const { code, said } = await appRoles(["cutover", "dashboard_api"]);
  expect({ code, said }).toEqual({
    code: 1,
    said: expect.stringContaining("dashboard_api was rolled back to its legacy URL"),
  });
  const end = said.slice(said.indexOf("dashboard_api was rolled back to its legacy URL"));
  expect(end).toContain("it has no session of its role, within 15s");
  expect([
    services.user("dashboard_api"),
    services.deploys("dashboard_api"),
    services.deploys("worker"),
    switches(),
  ]).toEqual(["postgres", 2, 0, untouched]);
  services.isBroken = false;
});

test("a cutover interrupted at the gate is rolled back too", async () => {
  await estate.sandbox.setConfig("services.dashboard_api.gate.soak", "5min");
  const { code, said } = await appRoles(["cutover", "dashboard_api"], (so) =>
    /CutoverGate dashboard_api (creating|updating)/.test(so) ? "SIGTERM" : undefined,
  );
  await estate.sandbox.setConfig("services.dashboard_api.gate.soak", "1s");
  expect({ code, said }).toEqual({
    code: 1,
    said: expect.stringContaining("dashboard_api was rolled back to its legacy URL"),
  });
  expect([services.user("dashboard_api"), switches()]).toEqual(["postgres", untouched]);
});

test("a successful cutover is one up, and changes the stack's file", async () => {
  await estate.query("tracksolid_db", "REVOKE SELECT ON tickets.tickets FROM dashboard_app");
  const { code, said } = await appRoles(["cutover", "dashboard_api", "--watch", "2s"]);
  expect({ code, said }).toEqual({
    code: 0,
    said: expect.stringContaining("dashboard_api: healthy for 2s, 1 session now."),
  });
  expect(said).toMatch(/dashboard_app +8 +limit 8 +1/);
  expect([services.user("dashboard_api"), services.deploys("worker"), switches()]).toEqual([
    "dashboard_app",
    0,
    untouched.replace("legacy", "role"),
  ]);
  const [row] = await estate.query<{ may: boolean }>(
    "tracksolid_db",
    "SELECT has_table_privilege('dashboard_app', 'tickets.tickets', 'SELECT') AS may",
  );
  expect(row).toEqual({ may: true });
  expect(await appRoles(["cutover", "dashboard_api"])).toMatchObject({
    code: 1,
    said: expect.stringContaining("already on its role"),
  });
  const deploys = services.deploys("dashboard_api");
  const watched = await appRoles(["cutover", "dashboard_api", "--watch", "1s"]);
  expect(watched).toMatchObject({ code: 0, said: expect.stringContaining("dashboard_api: healthy for 1s") });
  await estate.sandbox.setSecret("adminPassword", "wrong");
  const blind = await appRoles(["cutover", "dashboard_api", "--watch", "1s"]);
  await estate.sandbox.setConfig("adminPassword", undefined);
  expect(blind).toMatchObject({
    code: 1,
    said: expect.stringMatching(
      /dashboard_api: it CAN NO LONGER BE WATCHED \(cannot log in .*28P01.* It was never observed\./,
    ),
  });
  const ended = await appRoles(["cutover", "dashboard_api", "--watch", "10min"], (so) =>
    /dashboard_app +8 +limit 8 +1/.test(so) ? "SIGINT" : undefined,
  );
  expect(ended).toMatchObject({ code: 1, said: expect.stringContaining("the watch was interrupted. ") });
  expect(services.deploys("dashboard_api")).toBe(deploys);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("an unhealthy service is rolled back during the watch", async () => {
  expect(await appRoles(["rollback", "dashboard_api"])).toMatchObject({ code: 0 });
  await estate.sandbox.setConfig("services.dashboard_api.gate.timeout", "6s");
  let isWell = false;
  const { code, said } = await appRoles(["cutover", "dashboard_api", "--watch", "10min"], (so) => {
    if (isWell || !so.includes("dashboard_api is on its role.")) return undefined;
    isWell = true;
    void services.disconnect();
    return undefined;
  });
  expect({ code, said }).toEqual({
    code: 1,
    said: expect.stringContaining("dashboard_api was rolled back to its legacy URL"),
  });
  expect(said).toMatch(/it has no session of its role, (within|for) 6s/);
  expect([services.user("dashboard_api"), switches()]).toEqual(["postgres", untouched]);
});

test("an external service is reported as cut over only after its first session", async () => {
  const nowhere = await appRoles(["cutover", "webhook_receiver", "--file", "no/such/receiver.env"]);
  expect(nowhere).toMatchObject({ code: 1, said: expect.stringContaining("cannot write no/such/receiver.env") });
  const none = await appRoles(["cutover", "dashboard_api", "--timeout", "1s"]);
  expect(none).toMatchObject({ code: 2, said: expect.stringContaining("are for the runtime external") });
  expect(switches()).toBe(untouched);

  const args = ["cutover", "webhook_receiver", "--file", "receiver.env", "--timeout"];
  const idle = await appRoles([...args, "2s", "--watch", "1s"]);
  expect(idle).toMatchObject({
    code: 1,
    said: expect.stringContaining("webhook_receiver: NO SESSION of tracksolid_owner appeared within 2s (--timeout)"),
  });
  expect(idle.said).toContain("npx app-roles rollback webhook_receiver --stack prod");
  expect(idle.said).not.toMatch(/webhook_receiver: (healthy|sessions)|is on its role/);
  const file = services.at("receiver.env");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const [, url = ""] = /^DATABASE_URL='(.*)'\n$/.exec(readFileSync(file, "utf8")) ?? [];
  expect(new URL(url).username).toBe("tracksolid_owner");

  const stopped = await appRoles([...args, "10min"], (so) => (so.includes("Restart it now") ? "SIGINT" : undefined));
  expect(stopped).toMatchObject({
    code: 1,
    said: expect.stringContaining("no session of tracksolid_owner was seen (interrupted). Nothing was rolled back"),
  });

  const receiver = new pg.Client({ connectionString: url });
  let isStarted = false;
  const come = await appRoles([...args, "10min", "--watch", "1s"], (so) => {
    if (!isStarted && so.includes("Restart it now")) {
      isStarted = true;
      void receiver.connect();
    }
    return undefined;
  });
  expect(come).toMatchObject({
    code: 0,
    said: expect.stringContaining("a session of tracksolid_owner connected to tracksolid_db"),
  });
  expect(come.said).toContain(
    "ingest_worker, worker also use this role: check that the session belongs to webhook_receiver",
  );
  expect(come.said).toContain("webhook_receiver: watched for 1s, 1 session of tracksolid_owner now, none at 0 of ");
  const again = await appRoles(args.slice(0, 2));
  expect(again).toMatchObject({
    code: 0,
    said: expect.stringContaining("a session of tracksolid_owner is in tracksolid_db"),
  });
  await receiver.end();
});

test("no password was printed", () => {
  expect(estate.printed.join("\n")).not.toContain(estate.postgres.password);
});
