import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let before: Awaited<ReturnType<Estate["observe"]>>;
beforeAll(async () => {
  estate = await createEstate({}, { pluginProcess: true });
  before = await estate.observe();
});
afterAll(() => estate.remove());

function startUp(): ChildProcess {
  return spawn("pulumi", ["up", "--yes", "--skip-preview", "--non-interactive"], {
    cwd: estate.sandbox.dir,
    env: estate.sandbox.env,
    stdio: "ignore",
  });
}

const sessionsOfTheStack = () =>
  estate.query("postgres", "SELECT pid FROM pg_stat_activity WHERE application_name = 'app-roles'");

test("the engine is killed while owners change: cancel and up finish, destroy restores everything", async () => {
  const holder = new pg.Client({ connectionString: estate.postgres.url("tracksolid_db") });
  await holder.connect();
  // A reader of one table blocks the ownership change, so that the kill interrupts it.
  await holder.query("BEGIN; LOCK TABLE tickets.tickets IN ACCESS SHARE MODE");
  const up = startUp();
  const moved = () =>
    estate.query<{ count: number }>(
      "tracksolid_db",
      "SELECT count(*)::int AS count FROM pg_class WHERE relowner::regrole::text = 'tracksolid_owner' AND relkind <> 'i'",
    );
  await expect.poll(moved, { timeout: 60_000 }).not.toEqual([{ count: 0 }]);
  up.kill("SIGKILL");
  await once(up, "close");
  await expect.poll(sessionsOfTheStack, { timeout: 20_000 }).toEqual([]);
  await holder.query("COMMIT");
  await holder.end();

  await estate.pulumi(["cancel", "--yes"]);
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(await estate.observe()).toEqual(before);
});

test("an up killed between CREATE ROLE and saving the state: the next up creates the role again", async () => {
  const { stdout } = await estate.pulumi(["stack", "export"]);
  const { deployment } = JSON.parse(stdout) as { deployment: { resources?: { urn: string }[] } };
  expect(deployment.resources ?? []).toEqual([]);
  // Saves baselines and budget, then creates the role without the state, as such a kill does.
  await estate.pulumi([
    "up",
    "--yes",
    "--skip-preview",
    "--target",
    "**app-roles:index:DatabaseServer**",
    "--target",
    "**pgaccess:index:Cutovers**",
  ]);
  await estate.query("postgres", "CREATE ROLE tracksolid_owner LOGIN CONNECTION LIMIT 30");
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(await estate.observe()).toEqual(before);
});
