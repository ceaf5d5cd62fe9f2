import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
const names = ["dashboard_api", "worker"] as const;
type Name = (typeof names)[number];
const at = (file: string) => join(estate.sandbox.dir, file);
const stored = (name: Name) => readFileSync(at(`${name}.url`), "utf8");
const deploys = (name: Name) => (existsSync(at(`${name}.deploys`)) ? readFileSync(at(`${name}.deploys`), "utf8") : "");
const passwordOf = (name: Name) => new URL(stored(name)).password;

/** dashboard_api: a session with the URL that it finds after each deploy. */
const service = { seen: "", session: undefined as pg.Client | undefined };
const stop = () => service.session?.end().catch(() => undefined);
const running = setInterval(() => {
  if (!estate || deploys("dashboard_api") === service.seen) return;
  service.seen = deploys("dashboard_api");
  void stop();
  service.session = new pg.Client({ connectionString: stored("dashboard_api") });
  service.session.on("error", () => undefined);
  void service.session.connect().catch(() => undefined);
}, 200);

async function rotate(...args: string[]) {
  const options = { cwd: estate.sandbox.dir, env: estate.sandbox.env };
  const { code, stdout, stderr } = await run("node", ["bin/app-roles.js", "rotate", ...args], options);
  const said = stdout + stderr;
  estate.printed.push(said);
  return { code, said };
}

const login = (password: string) =>
  estate.query<{ user: string }>("tracksolid_db", 'SELECT current_user AS "user"', { user: "dashboard_app", password });

beforeAll(async () => {
  estate = await createEstate();
  writeFileSync(
    at("keep.sh"),
    `#!/bin/sh
case "$2" in
  read) cat "$1.url" ;;
  write) cat >"$1.url" ;;
  deploy) test ! -e broken || { echo "no room on the node" >&2; exit 1; }; printf x >>"$1.deploys" ;;
esac
`,
  );
  chmodSync(at("keep.sh"), 0o755);
  for (const name of names) {
    writeFileSync(at(`${name}.url`), estate.postgres.url("tracksolid_db"));
    await estate.sandbox.setConfig(`services.${name}.runtime`, "command");
    await estate.sandbox.setConfig(`services.${name}.command`, { path: "./keep.sh" });
    await estate.sandbox.setConfig(`services.${name}.gate`, { timeout: "30s", soak: "1s" });
  }
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
});
afterAll(async () => {
  clearInterval(running);
  await stop();
  await estate.remove();
});

test("what may not be rotated is refused before anything is changed", async () => {
  expect(await rotate("dashboard_app")).toMatchObject({ code: 1, said: expect.stringContaining("(connectAs: role)") });
  await estate.up();
  for (const [role, why] of [
    ["nobody", "no role nobody"],
    ["grafana_ro", "is one of app-roles:existingRoles"],
  ] as const) {
    expect(await rotate(role)).toMatchObject({ code: 1, said: expect.stringContaining(why) });
  }
});

test("role and service have a new password after one up, which nothing else is part of", async () => {
  const former = passwordOf("dashboard_api");
  const legacy = `${stored("worker")}?by=hand`;
  writeFileSync(at("worker.url"), legacy);
  await estate.query("tracksolid_db", "REVOKE SELECT ON tickets.tickets FROM dashboard_app");
  const { code, said } = await rotate("dashboard_app");
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining("dashboard_app has a new password.") });
  expect(said).toMatch(/dashboard_api +command +\d+\.\d s/);
  expect(said).toMatch(/dashboard_api: well as dashboard_app for 1s/);
  await expect(login(former)).rejects.toMatchObject({ code: "28P01" });
  expect(await login(passwordOf("dashboard_api"))).toEqual([{ user: "dashboard_app" }]);
  expect((await estate.databaseUrls()).dashboard_api).toBe(stored("dashboard_api"));
  expect([stored("worker"), deploys("worker")]).toEqual([legacy, ""]);
  const preview = await estate.preview();
  expect(preview).toContain("1 missing: tickets.tickets");
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("a redeploy that fails is told, and the next up goes on with the password that the server has", async () => {
  const former = passwordOf("dashboard_api");
  writeFileSync(at("broken"), "");
  const { code, said } = await rotate("dashboard_app");
  expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining("dashboard_app HAS ITS NEW PASSWORD") });
  expect(said.slice(said.indexOf("HAS ITS NEW PASSWORD"))).toContain("no room on the node");
  expect(said).toMatch(/dashboard_api +command +it was not redeployed: they fail/);
  await expect(login(former)).rejects.toMatchObject({ code: "28P01" });
  writeFileSync(at("keep.sh"), readFileSync(at("keep.sh"), "utf8").replace("-e broken", "-e mended"));
  await estate.up();
  expect(passwordOf("dashboard_api")).not.toBe(former);
  expect(await login(passwordOf("dashboard_api"))).toEqual([{ user: "dashboard_app" }]);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("external services are asked about first; without anybody to ask nothing is changed", async () => {
  await estate.sandbox.setConfig("services.dashboard_api.runtime", "external");
  await estate.sandbox.setConfig("services.dashboard_api.command", undefined);
  await estate.sandbox.setConfig("services.dashboard_api.gate", undefined);
  await estate.up();
  const { dashboard_api: url = "" } = await estate.databaseUrls();
  const { password } = new URL(url);
  const refused = await rotate("dashboard_app");
  expect(refused).toMatchObject({ code: 1, said: expect.stringContaining("Nothing was changed; run it with --yes") });
  expect(await login(password)).toEqual([{ user: "dashboard_app" }]);
  const { code, said } = await rotate("dashboard_app", "--yes");
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining("npx app-roles env dashboard_api --file") });
  await expect(login(password)).rejects.toMatchObject({ code: "28P01" });
  expect(await login(new URL((await estate.databaseUrls()).dashboard_api ?? "").password)).toHaveLength(1);
});

test("a role that no service is on is just given another, and no password was printed", async () => {
  expect(await rotate("cron_app")).toMatchObject({ code: 0, said: expect.stringContaining("; no service is on it.") });
  const printed = estate.printed.join("\n");
  for (const password of [estate.postgres.password, ...(await estate.passwords())])
    expect(printed).not.toContain(password);
});
