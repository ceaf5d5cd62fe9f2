import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { replayProblem } from "../../../../cli/discover/replay/replay-proposal.ts";
import { type Postgres, startPostgres } from "../../../../sandbox/postgres/server.ts";
import { run } from "../../../../sandbox/process.ts";
import { discover } from "../server.ts";

let postgres: Postgres;
let service: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres();
  service = new pg.Client({ connectionString: postgres.url(), application_name: "orders_api" });
  await service.connect();
  await service.query("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)");
  await service.query("CREATE ROLE watcher LOGIN PASSWORD 'watcher' IN ROLE pg_monitor");
});
afterAll(async () => {
  await service.end();
  await postgres.stop();
});

const discovered = (...args: string[]) =>
  run(process.execPath, ["bin/app-roles.js", "discover", postgres.url(), "--watch", "0s", ...args], {
    env: process.env,
  });

const roles = async () => (await service.query("SELECT rolname FROM pg_roles ORDER BY 1")).rows;

test("the statements that were seen are replayed as the proposed roles, and nothing stays", async () => {
  const before = await roles();
  await service.query("INSERT INTO shop.orders SELECT id FROM shop.orders WHERE id = 12345");
  const { code, stdout, stderr } = await discovered("--replay");
  expect(stderr).toBe("");
  expect(stdout).toContain(
    "Replay: 1 statement tried as the proposed roles, 0 permission denied. Everything was rolled back.",
  );
  expect(stdout).toMatch(/^ {2}orders_app +\d \/ 4$/m);
  expect(code).toBe(0);
  expect(await roles()).toEqual(before);
});

test("a replay that is not possible says why", async () => {
  const { found, proposal } = await discover(postgres, { user: "watcher", password: "watcher" });
  expect(replayProblem(found, proposal)).toBe(
    "watcher is not a superuser, and only a superuser can act as roles that do not exist",
  );
  expect(replayProblem({ ...found, server: { ...found.server, isStandby: true } }, proposal)).toContain("standby");
  expect(replayProblem({ ...found, incomplete: "the server went away" }, proposal)).toBe("the server went away");
  const own = await discover(postgres);
  expect(replayProblem(own.found, own.proposal)).toBeUndefined();
  expect(replayProblem(own.found, { ...own.proposal, services: [] })).toBe("there is no proposal");
});
