import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let before: Awaited<ReturnType<Estate["observe"]>>;
beforeAll(async () => {
  estate = await createEstate();
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

test("the engine is killed in the middle of the ownership's move: cancel and up finish it, destroy restores all", async () => {
  const holder = new pg.Client({ connectionString: estate.postgres.url("tracksolid_db") });
  await holder.connect();
  // A reader of one table keeps the move from ending, so that the kill meets it half-way.
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

test("a run killed between CREATE ROLE and the state's save: the next up makes the role anew", async () => {
  const { stdout } = await estate.pulumi(["stack", "export"]);
  const { deployment } = JSON.parse(stdout) as { deployment: { resources?: { urn: string }[] } };
  expect(deployment.resources ?? []).toEqual([]);
  // Baselines and budget are saved, then the role is made behind the state's back: what such a kill leaves.
  await estate.pulumi(["up", "--yes", "--skip-preview", "--target", "**app-roles:index:DatabaseServer**"]);
  await estate.query("postgres", "CREATE ROLE tracksolid_owner LOGIN CONNECTION LIMIT 30");
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(await estate.observe()).toEqual(before);
});

/** The processes of our plugin that this engine has started. */
function pluginsOf(engine: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n");
  const processes = rows.map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? []);
  return processes
    .filter(([, , parent, args]) => Number(parent) === engine && args?.includes("pulumi-resource-pgaccess"))
    .map(([, pid]) => Number(pid));
}

test("killed at ten random points, plugin or engine, up and destroy still end where they should", async () => {
  // Nine points on the way up and one on the way down; each goes on where the last one was cut off.
  const points = Array.from({ length: 10 }, (_, index) => ({
    command: index === 9 ? "destroy" : "up",
    victim: index % 2 === 0 ? ("engine" as const) : ("plugin" as const),
    after: Math.round(300 + Math.random() * 4000),
  }));
  for (const { command, victim, after } of points) {
    const what = `${command}, ${victim} killed after ${after} ms`;
    const run = spawn("pulumi", [command, "--yes", "--skip-preview", "--non-interactive"], {
      cwd: estate.sandbox.dir,
      env: estate.sandbox.env,
      stdio: "ignore",
    });
    const closed = once(run, "close");
    await Promise.race([sleep(after), closed]);
    const pids = victim === "engine" ? [run.pid as number] : pluginsOf(run.pid as number);
    for (const pid of run.exitCode === null ? pids : []) process.kill(pid, "SIGKILL");
    await closed;
    await expect.poll(sessionsOfTheStack, { timeout: 20_000, message: what }).toEqual([]);
    await estate.sandbox.pulumi(["cancel", "--yes"]);
  }
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(await estate.observe(), JSON.stringify(points)).toEqual(before);
}, 300_000);
