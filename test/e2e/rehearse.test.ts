import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
beforeAll(async () => {
  estate = await createEstate();
  // Without PGPASSWORD, the command needs the decrypted secret to log in.
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
    stderr: expect.stringContaining("no database here has one"),
  });
  expect(await estate.observe()).toEqual(before);
});

test("rehearse: true stops an up before anything is changed, and continues once the rehearsal passes", async () => {
  const { query, sandbox, up, pulumi } = estate;
  await writeFile(join(sandbox.dir, "0042.sql"), "ALTER TABLE tracksolid.position_history ADD COLUMN note text;\n");
  await sandbox.setConfig("rehearse", true);
  await sandbox.setConfig(["databases", "tracksolid_db", "rehearseSql"], ["0042.sql"]);
  await query("tracksolid_db", "CREATE SCHEMA vault; CREATE TABLE vault.keys (id int)");
  await query("tracksolid_db", "CREATE VIEW tickets.v_keys AS SELECT id FROM vault.keys");
  const before = await estate.observe();

  const preview = await estate.preview();
  expect(preview).toMatch(/tracksolid_db: the up starts with a rehearsal \(objects to move: 6\d, privileges to grant/);
  const { text } = await pulumi(["up"], { fails: true });
  expect(text).toMatch(/the rehearsal in tracksolid_db did not pass; nothing was changed/);
  expect(text).toMatch(
    /tickets\.v_keys: EXPLAIN SELECT as tracksolid_owner\s+permission denied for table keys \(42501\)/,
  );
  expect(await estate.observe()).toEqual(before);

  await query("tracksolid_db", "DROP SCHEMA vault CASCADE");
  expect(await up()).toMatch(/tracksolid_db: rehearsed \d+ objects with \d+ checks, all passed/);
  expect(await up("--expect-no-changes")).not.toMatch(/rehearsed/);

  await query("tracksolid_db", "CREATE TABLE tickets.t9 (id int)");
  await writeFile(join(sandbox.dir, "0042.sql"), "COMMIT;\n");
  const refused = await pulumi(["up"], { fails: true });
  expect(refused.text).toMatch(/0042\.sql line 1: reading the file/);
  const owner = await query("tracksolid_db", "SELECT tableowner FROM pg_tables WHERE tablename = 't9'");
  expect(owner).toEqual([{ tableowner: "postgres" }]);
});
