import { rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { CommandServices } from "./command-services.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let services: CommandServices;

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
  services = await CommandServices.declare(estate, { timeout: "30s", soak: "1s" });
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
});
afterAll(async () => {
  await services?.stop();
  await estate?.remove();
});

test("invalid rotations are refused before anything is changed", async () => {
  expect(await rotate("dashboard_app")).toMatchObject({ code: 1, said: expect.stringContaining("(connectAs: role)") });
  await estate.up();
  for (const [role, why] of [
    ["nobody", "no role nobody"],
    ["grafana_ro", "is one of app-roles:existingRoles"],
  ] as const) {
    expect(await rotate(role)).toMatchObject({ code: 1, said: expect.stringContaining(why) });
  }
});

test("role and service have a new password after one up", async () => {
  const previous = services.password("dashboard_api");
  const { code, said } = await rotate("dashboard_app");
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining("dashboard_app has a new password.") });
  expect(said).toMatch(/dashboard_api +command +\d+\.\d s/);
  expect(said).toMatch(/dashboard_api: healthy as dashboard_app for 1s/);
  await expect(login(previous)).rejects.toMatchObject({ code: "28P01" });
  expect(await login(services.password("dashboard_api"))).toEqual([{ user: "dashboard_app" }]);
  expect((await estate.databaseUrls()).dashboard_api).toBe(services.stored("dashboard_api"));
  expect(services.deploys("worker")).toBe(0);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("a failed redeploy is reported, and the next up continues with the server's password", async () => {
  const previous = services.password("dashboard_api");
  writeFileSync(services.at("broken"), "");
  const { code, said } = await rotate("dashboard_app");
  expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining("dashboard_app HAS ITS NEW PASSWORD") });
  expect(said.slice(said.indexOf("HAS ITS NEW PASSWORD"))).toContain("no room on the node");
  expect(said).toMatch(/dashboard_api +command +not redeployed: they still fail/);
  await expect(login(previous)).rejects.toMatchObject({ code: "28P01" });
  rmSync(services.at("broken"));
  await estate.up();
  expect(services.password("dashboard_api")).not.toBe(previous);
  expect(await login(services.password("dashboard_api"))).toEqual([{ user: "dashboard_app" }]);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("external services need confirmation; without a terminal nothing is changed", async () => {
  await estate.sandbox.setConfig("services.dashboard_api.runtime", "external");
  await estate.sandbox.setConfig("services.dashboard_api.command", undefined);
  await estate.sandbox.setConfig("services.dashboard_api.gate", undefined);
  await estate.up();
  const { dashboard_api: url = "" } = await estate.databaseUrls();
  const { password } = new URL(url);
  const refused = await rotate("dashboard_app");
  expect(refused).toMatchObject({
    code: 1,
    said: expect.stringContaining("Nothing was changed; run it again with --yes"),
  });
  expect(await login(password)).toEqual([{ user: "dashboard_app" }]);
  const { code, said } = await rotate("dashboard_app", "--yes");
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining("npx app-roles env dashboard_api --file") });
  await expect(login(password)).rejects.toMatchObject({ code: "28P01" });
  expect(await login(new URL((await estate.databaseUrls()).dashboard_api ?? "").password)).toHaveLength(1);
});

test("a role without services gets a new password, and no password was printed", async () => {
  expect(await rotate("cron_app")).toMatchObject({ code: 0, said: expect.stringContaining("; no service uses it.") });
  const printed = estate.printed.join("\n");
  for (const password of [estate.postgres.password, ...(await estate.passwords())])
    expect(printed).not.toContain(password);
});
