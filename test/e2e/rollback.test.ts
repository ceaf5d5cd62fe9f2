import { chmod, lstat, readFile, rename, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;

const appRoles = (...args: string[]) =>
  run("npx", ["app-roles", ...args], { cwd: estate.sandbox.dir, env: estate.sandbox.env });

beforeAll(async () => {
  estate = await createEstate();
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
  await estate.up();
});
afterAll(() => estate.remove());

test("env writes the URL in force with mode 0600, and does not print it to a terminal", async () => {
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

test("a wrong passphrase changes nothing, and says so", async () => {
  const file = () => readFile(join(estate.sandbox.dir, "Pulumi.prod.yaml"), "utf8");
  const before = await file();
  const { PULUMI_CONFIG_PASSPHRASE_FILE: _, ...env } = estate.sandbox.env;
  const wrong = { ...env, PULUMI_CONFIG_PASSPHRASE: "wrong" };
  const options = { cwd: estate.sandbox.dir, env: wrong };
  const { code, stderr } = await run("npx", ["app-roles", "rollback", "dashboard_api"], options);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("incorrect passphrase") });
  expect(stderr).toContain("Nothing was changed: dashboard_api runs as before.");
  expect(stderr).not.toContain("Usage: app-roles rollback");
  expect(await file()).toBe(before);
});

test("rollback works with the server down: the next up updates the state, and env prints the legacy URL", async () => {
  const { password } = estate.postgres;
  expect(await appRoles("rollback", "nobody")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("nothing was changed"),
  });
  const path = join(estate.sandbox.dir, "Pulumi.prod.yaml");
  const kept = join(estate.sandbox.dir, "..", "kept.yaml");
  await rename(path, kept);
  await symlink(kept, path);
  await chmod(kept, 0o640);
  await estate.postgres.stop();

  const { code, stdout, stderr } = await appRoles("rollback", "dashboard_api");
  const said = `${stdout}${stderr}`;
  expect({ code, said }).toEqual({
    code: 0,
    said: expect.stringContaining("The next pulumi up will update the stack's state: the server cannot be reached"),
  });
  expect(said).toContain("Restart dashboard_api with its legacy URL: npx app-roles env dashboard_api --file");
  expect(said).not.toContain(password);

  const env = await appRoles("env", "dashboard_api", "--format", "docker-secret");
  expect(env).toMatchObject({ code: 0, stdout: expect.stringContaining(`postgres:${password}@`) });
  const file = await readFile(kept, "utf8");
  expect(file).toMatch(/dashboard_api:\s+database: tracksolid_db\s+role: dashboard_app\s+connectAs: legacy/);
  expect(file).toContain("# To roll it back");
  expect([(await lstat(path)).isSymbolicLink(), (await stat(kept)).mode & 0o777]).toEqual([true, 0o640]);
});
