import { afterAll, beforeAll, expect, test } from "vitest";
import { destroyGuard } from "../../../provider/destroy-guard/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

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

const none = { roles, services: [], privileges: [] };
const guard = () => destroyGuard(server);
const remove = () => guard().remove(none, testCall());

test("lists every session of the roles, and allows remove once there is none", async () => {
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

test("does not query the server in a preview or an up, so that a rollback works with the server down", async () => {
  const nowhere = new Server({ ...postgres.address, port: 1 });
  const guard = destroyGuard(nowhere);
  expect(await guard.plan(none, none, {})).toEqual({ changes: {}, warnings: [] });
  expect(await guard.apply(none, none, testCall())).toBeUndefined();
  await expect(guard.remove(none, testCall())).rejects.toThrow("cannot log in");
  await nowhere.close();
});

test("a role that is removed from the configuration while in use is a warning in the preview and refused in the up", async () => {
  const session = await postgres.connect({ user: "api", password: "admin" });
  const smaller = { ...none, roles: ["gone"] };
  const { warnings } = await guard().plan(smaller, none, {});
  expect(warnings).toEqual([expect.stringMatching(/up would be refused.*\n {2}api: 1 session: pid \d+/)]);
  await expect(guard().apply(smaller, none, testCall())).rejects.toThrow(/none of them was changed.*\n {2}api/);

  await session.end();
  await expect.poll(() => guard().apply(smaller, none, testCall()).catch(String)).toBeUndefined();
  expect(await guard().plan(smaller, none, {})).toEqual({ changes: {}, warnings: [] });
});

test("refuses while a deployed service is on a role, and only warns of an external one", async () => {
  const external = { name: "web", role: "api", deployed: false };
  const deployed = { name: "worker", role: "api", deployed: true };
  const refusal = guard().remove({ ...none, services: [external, deployed] }, testCall());
  await expect(refusal).rejects.toThrow(/nothing was changed.*connectAs: legacy.*\n {2}api: service worker$/);

  const call = testCall();
  await guard().remove({ ...none, services: [external] }, call);
  expect(call.lines).toEqual([expect.stringMatching(/web \(api\)/)]);
});

test("privileges that were granted onward are found before anything is deleted, with the statements that revoke them", async () => {
  const admin = await postgres.connect();
  await admin.query(
    `CREATE SCHEMA app; CREATE TABLE app.orders (id int); GRANT USAGE ON SCHEMA app TO api;
     GRANT SELECT ON app.orders TO api WITH GRANT OPTION; SET ROLE api; GRANT SELECT ON app.orders TO other; RESET ROLE`,
  );
  const granted = { role: "api", database: "postgres", access: "reader" as const, schemas: ["app"], before: [] };
  const gone = { ...granted, database: "dropped since" };
  const inputs = { ...none, privileges: [granted, gone] };
  const refusal = await guard()
    .remove(inputs, testCall())
    .then(() => "", String);
  expect(refusal).toContain("nothing was changed");
  expect(refusal).toContain(
    "SELECT on app.orders cannot be revoked from api, which granted it onward to other. First run: SET ROLE",
  );

  const smaller = { ...inputs, roles: ["gone"], privileges: [] };
  const { warnings } = await guard().plan(smaller, inputs, {});
  expect(warnings).toEqual([expect.stringMatching(/up would be refused: .*\n {2}postgres: SELECT on app\.orders/)]);
  await expect(guard().apply(smaller, inputs, testCall())).rejects.toThrow(
    /no role was changed.*SELECT on app\.orders/s,
  );
  // Privileges in the baseline stay, and so do those that were granted onward from them.
  const before = [{ object: "app.orders", privilege: "SELECT", grantable: true }];
  await guard().remove({ ...inputs, privileges: [{ ...granted, before }] }, testCall());

  await admin.query(/First run: (.*;)/.exec(refusal)?.[1] ?? "SELECT");
  await guard().remove(inputs, testCall());
});
