import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let former: string;
/** The generated password. */
let own: string;
const dir = () => estate.sandbox.dir;
const kept = () => join(dir(), "kit/dashboard_api.sh");
const stored = () => readFileSync(join(dir(), "url"), "utf8");
const deploys = () => readFileSync(join(dir(), "deploys"), "utf8").split("\n").length - 1;

/** The service: reconnects with its current URL after each deploy, unless it is broken. */
const service = { isBroken: false, seen: 0, session: undefined as pg.Client | undefined };
const running = setInterval(() => {
  if (!estate || service.isBroken || deploys() === service.seen) return;
  service.seen = deploys();
  void service.session?.end().catch(() => undefined);
  service.session = new pg.Client({ connectionString: stored() });
  service.session.on("error", () => undefined);
  void service.session.connect().catch(() => undefined);
}, 200);

beforeAll(async () => {
  estate = await createEstate();
  former = `${estate.postgres.url("tracksolid_db")}?application_name=dash%20board`;
  writeFileSync(join(dir(), "url"), former);
  writeFileSync(join(dir(), "deploys"), "");
  writeFileSync(
    join(dir(), "keep.sh"),
    `#!/bin/sh
case "$2" in
  read) cat url ;;
  write) if [ -e kit/dashboard_api.sh ]; then echo kit >>kits; fi; cat >url ;;
  deploy) echo "$1" >>deploys ;;
esac
`,
  );
  chmodSync(join(dir(), "keep.sh"), 0o755);
  await estate.sandbox.setConfig("rollbackKit", "kit");
  await estate.sandbox.setConfig("services.dashboard_api.runtime", "command");
  await estate.sandbox.setConfig("services.dashboard_api.command", { path: "./keep.sh" });
  await estate.sandbox.setConfig("services.dashboard_api.gate", { timeout: "12s", soak: "1s" });
});
afterAll(async () => {
  clearInterval(running);
  await service.session?.end().catch(() => undefined);
  await estate.remove();
});

const switchTo = (connectAs: string) => estate.sandbox.setConfig("services.dashboard_api.connectAs", connectAs);

test("the first preview announces no restart, since there is none", async () => {
  expect(await estate.preview()).not.toMatch(/restarted|not known yet/);
});

test("on legacy the service keeps its URL, and nothing is deployed", async () => {
  await estate.up();
  expect([stored(), deploys(), existsSync(kept())]).toEqual([former, 0, false]);
});

test("the cutover is one write and one deploy, and the preview shows the users", async () => {
  await switchTo("role");
  const preview = await estate.preview();
  expect(preview).toMatch(/DATABASE_URL by \.\/keep\.sh.*user postgres -> user dashboard_app/);
  service.isBroken = true;
  const { text } = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true });
  expect(text).toContain("dashboard_api is not healthy as dashboard_app: it has no session of its role, within 12s");
  const url = new URL(stored());
  expect([url.username, url.search, deploys()]).toEqual(["dashboard_app", "?application_name=dash%20board", 1]);
  own = url.password;
  // The script existed before the service was restarted.
  expect(readFileSync(join(dir(), "kits"), "utf8")).toBe("kit\n");
  expect(statSync(kept()).mode & 0o777).toBe(0o700);
});

test("a failed gate keeps the outputs, and runs again without a redeploy until it passes", async () => {
  expect((await estate.databaseUrls()).dashboard_api).toBe(former);
  service.isBroken = false;
  expect(await estate.up()).toMatch(/dashboard_api: healthy as dashboard_app for 1s, 1 session/);
  expect(deploys()).toBe(1);
  expect((await estate.databaseUrls()).dashboard_api).toBe(stored());
});

test("a manually changed URL is shown by a preview, and fixed", async () => {
  await estate.pulumi(["preview", "--expect-no-changes"]);
  writeFileSync(join(dir(), "url"), former.replace("?", "?by=hand&"));
  expect(await estate.preview()).toMatch(/user postgres -> user dashboard_app/);
  await estate.up();
  expect([new URL(stored()).username, deploys()]).toEqual(["dashboard_app", 2]);
});

test("the rollback script works without the stack, and the next preview reports the rollback", async () => {
  const environment = { PATH: estate.sandbox.env.PATH };
  const { code, stdout, stderr } = await run("sh", [kept()], { cwd: "/", env: environment });
  estate.printed.push(stdout + stderr);
  expect({ code, stderr, stdout }).toEqual({
    code: 0,
    stderr: "",
    stdout: expect.stringContaining("connectAs: legacy"),
  });
  expect([stored(), deploys()]).toEqual([former, 3]);
  expect(await estate.preview()).toContain("dashboard_api was rolled back by hand: it has its legacy URL again");

  await switchTo("legacy");
  await estate.up();
  expect([stored(), deploys(), existsSync(kept())]).toEqual([former, 4, false]);
  await estate.pulumi(["preview", "--expect-no-changes"]);

  await switchTo("role");
  await estate.up();
  expect([new URL(stored()).username, deploys()]).toEqual(["dashboard_app", 5]);
  rmSync(kept());
  expect(await estate.preview()).toContain("does not exist yet");
  await estate.up();
  expect([existsSync(kept()), deploys()]).toEqual([true, 5]);
});

test("a rollback works with the server down, byte for byte", async () => {
  await estate.postgres.stop();
  const options = { cwd: dir(), env: estate.sandbox.env };
  const { code, stdout, stderr } = await run("node", ["bin/app-roles.js", "rollback", "dashboard_api"], options);
  estate.printed.push(stdout + stderr);
  expect({ code, said: stdout + stderr }).toEqual({
    code: 0,
    said: expect.stringContaining("dashboard_api runs with its legacy URL again: its command deployed it"),
  });
  expect(stdout + stderr).toContain("The next pulumi up will update the stack's state: the server cannot be reached");
  expect([stored(), deploys()]).toEqual([former, 6]);
});

test("no password was printed", () => {
  const printed = estate.printed.join("\n");
  expect(printed).not.toContain(own);
  expect(printed).not.toContain(new URL(former).password);
});
