import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../../provider/connection.ts";
import { destroyGuard } from "../../provider/resources/destroy-guard.ts";
import { testCall } from "./calls.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

const roles = ["api", 'Odd "one', "gone"];

let postgres: TestPostgres;
let server: Server;

beforeAll(async () => {
  postgres = await startPostgres();
  server = new Server(postgres.address);
  const admin = await postgres.connect();
  await admin.query(
    `CREATE ROLE api LOGIN PASSWORD 'admin'; CREATE ROLE "Odd ""one" LOGIN PASSWORD 'admin'; CREATE ROLE other LOGIN PASSWORD 'admin'`,
  );
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const remove = () => destroyGuard(server).remove({ roles }, testCall());

test("names every session of any of the roles, and lets go once there is none", async () => {
  const sessions = await Promise.all(
    ["api", "api", 'Odd "one', "other"].map((user) => postgres.connect({ user, password: "admin" })),
  );
  const refusal = await remove().then(() => "", String);
  expect(refusal).toContain("nothing was changed");
  expect(refusal).toMatch(/\n {2}Odd "one: 1 session: pid \d+ in postgres from /);
  expect(refusal).toMatch(/\n {2}api: 2 sessions: pid \d+ in postgres from .*, pid \d+ in postgres from /);
  expect(refusal).not.toContain("other");

  await Promise.all(sessions.map((session) => session.end()));
  await expect.poll(() => remove().then(() => "", String)).toBe("");
});

test("asks the server nothing in a preview or an up, so the way back works with the server down", async () => {
  const nowhere = new Server({ ...postgres.address, port: 1 });
  const guard = destroyGuard(nowhere);
  expect(await guard.plan({ roles }, undefined, {})).toEqual({ changes: {} });
  expect(await guard.apply({ roles }, undefined, testCall())).toBeUndefined();
  await expect(guard.remove({ roles }, testCall())).rejects.toThrow("cannot log in");
  await nowhere.close();
});
