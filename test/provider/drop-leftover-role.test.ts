import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Server } from "../../provider/connection.ts";
import { dropLeftoverRole } from "../../provider/functions/drop-leftover-role.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

let postgres: TestPostgres;
let server: Server;
let admin: Awaited<ReturnType<TestPostgres["connect"]>>;
beforeAll(async () => {
  postgres = await startPostgres();
  server = new Server(postgres.address);
  admin = await postgres.connect();
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});
beforeEach(() => admin.query(`CREATE ROLE "left ""over" LOGIN CONNECTION LIMIT 8 PASSWORD 'x'`));

const role = 'left "over';
const drop = (memberOf?: string) =>
  dropLeftoverRole(server)(
    { role, ...(memberOf && { memberOf }) },
    { preview: false, signal: new AbortController().signal },
  );
const exists = async () => (await admin.query("SELECT FROM pg_roles WHERE rolname = $1", [role])).rows.length > 0;

test("a role as bare as CREATE ROLE left it is dropped; a role that is not there is fine", async () => {
  await admin.query(`ALTER ROLE "left ""over" SET search_path = 's'`);
  expect(await drop()).toEqual({ result: { dropped: true } });
  expect(await exists()).toBe(false);
  expect(await drop()).toEqual({ result: { dropped: false } });
});

test.each([
  ["owns something", `CREATE TABLE t (); ALTER TABLE t OWNER TO "left ""over"`, "DROP TABLE t", /objects it owns/],
  ["holds a privilege", `CREATE TABLE t (); GRANT SELECT ON t TO "left ""over"`, "DROP TABLE t", /privileges it holds/],
  ["is a member", `GRANT pg_monitor TO "left ""over"`, "SELECT", /a member of pg_monitor/],
])("a role that %s is refused and stays", async (_what, tie, untie, message) => {
  await admin.query(tie);
  await expect(drop()).rejects.toThrow(message);
  expect(await exists()).toBe(true);
  await admin.query(untie);
  await admin.query(`DROP ROLE "left ""over"`);
});

test("the membership that a login role is made with is no tie", async () => {
  await admin.query(`CREATE ROLE app; GRANT app TO "left ""over"`);
  await expect(drop("other")).rejects.toThrow(/a member of app/);
  expect(await drop("app")).toEqual({ result: { dropped: true } });
  expect(await exists()).toBe(false);
});

test("a role with a session is refused and stays", async () => {
  const session = await postgres.connect({ user: role, password: "x" });
  await expect(drop()).rejects.toThrow(/1 session/);
  expect(await exists()).toBe(true);
  await session.end();
  await admin.query(`DROP ROLE "left ""over"`);
});
