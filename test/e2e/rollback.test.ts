import { readFile, stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
/** Takes the server's place once that is stopped, and counts who calls. */
let silence: Server | undefined;
let calls = 0;

const appRoles = (...args: string[]) =>
  run("npx", ["app-roles", ...args], { cwd: estate.sandbox.dir, env: estate.sandbox.env });

beforeAll(async () => {
  estate = await createEstate();
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
  await estate.up();
});
afterAll(async () => {
  silence?.close();
  await estate.remove();
});

test("env writes the URL in force, for its owner alone, and shows it to no terminal", async () => {
  const { dashboard_api: url } = await estate.databaseUrls();
  const file = join(estate.sandbox.dir, "api.env");
  expect(await appRoles("env", "dashboard_api", "--file", file)).toMatchObject({ code: 0, stdout: "" });
  expect(await readFile(file, "utf8")).toBe(`DATABASE_URL='${url}'\n`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const piped = await appRoles("env", "dashboard_api", "--format", "docker-secret");
  expect(piped).toMatchObject({ code: 0, stdout: url });
  expect(await appRoles("env", "nobody", "--show")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no service nobody"),
  });
  expect(await appRoles("env", "dashboard_api", "--format", "xml")).toMatchObject({ code: 2 });
});

test("rollback puts one service back with the server gone, and sends it nothing", async () => {
  const { port, password } = estate.postgres;
  expect(await appRoles("rollback", "nobody")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("nothing was changed"),
  });
  await estate.postgres.stop();
  silence = createServer((socket) => {
    calls++;
    socket.destroy();
  }).listen(port, "127.0.0.1");

  const { code, stdout, stderr } = await appRoles("rollback", "dashboard_api");
  expect({ code, said: `${stdout}${stderr}` }).toEqual({
    code: 0,
    said: expect.stringContaining("dashboard_api is back on its legacy URL; nothing in the database was changed."),
  });
  expect(`${stdout}${stderr}`).not.toContain(password);
  expect(calls).toBe(0);

  expect((await estate.databaseUrls()).dashboard_api).toContain(`postgres:${password}@`);
  const file = await readFile(join(estate.sandbox.dir, "Pulumi.prod.yaml"), "utf8");
  expect(file).toMatch(/dashboard_api:\s+database: tracksolid_db\s+role: dashboard_app\s+connectAs: legacy/);
  expect(file).toContain("# The way back");
});
