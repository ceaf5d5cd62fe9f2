import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
beforeAll(async () => {
  estate = await createEstate();
  // Where PGPASSWORD is not, only a decrypted secret lets the command in.
  await estate.sandbox.setSecret("adminPassword", estate.postgres.password);
});
afterAll(() => estate.remove());

const rehearse = (...args: string[]) => {
  const { PGPASSWORD: _, ...env } = estate.sandbox.env;
  return run("npx", ["app-roles", "rehearse", ...args], { cwd: estate.sandbox.dir, env });
};

test("before the first up the runbook's stack passes, and nothing is changed", async () => {
  const before = await estate.observe();
  const { code, stdout, stderr } = await rehearse("--stack", "prod");
  expect({ code, stdout }, stderr).toEqual({
    code: 0,
    stdout: expect.stringMatching(/tracksolid_db +64 +63 .* 0 +0 /),
  });
  expect(stdout).toContain("The rehearsal passed.");
  expect(stdout + stderr).not.toContain(estate.postgres.password);
  expect(await estate.observe()).toEqual(before);
});

test("a migration that would commit fails it; --sql runs in the one database that has an owner", async () => {
  const file = join(estate.sandbox.dir, "0042.sql");
  await writeFile(file, "ALTER TABLE tracksolid.devices ADD COLUMN note text;\nCOMMIT;\n");
  const before = await estate.observe();
  const { code, stdout } = await rehearse("--sql", file);
  expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining("0042.sql line 2: reading the file") });
  await writeFile(file, "ALTER TABLE tracksolid.devices ADD COLUMN note text;\n");
  expect(await rehearse("--sql", file, "--database", "tracksolid_db")).toMatchObject({ code: 0 });
  expect(await rehearse("--sql", file, "--database", "fleet_platform")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("none here has one"),
  });
  expect(await estate.observe()).toEqual(before);
});
