import { afterAll, beforeAll, expect, test } from "vitest";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

let postgres: TestPostgres;
let db: Queryable;
let queries = 0;
beforeAll(async () => {
  postgres = await startPostgres();
  const client = await postgres.connect();
  await client.query("CREATE ROLE a; CREATE ROLE b; CREATE SCHEMA s; CREATE TABLE s.t (); GRANT SELECT ON s.t TO a");
  db = {
    query: (text, values) => {
      queries++;
      return client.query(text, values) as never;
    },
  };
});
afterAll(() => postgres.stop());

const heldOn = (catalog: Awaited<ReturnType<PrivilegeReader["forPlan"]>>, key: string) =>
  catalog.objects.find((object) => object.key === key)?.held.map(({ privilege }) => privilege);

test("one reading serves the plans of all roles and one change of each role", async () => {
  const reader = new PrivilegeReader();
  const plan = (role: string) => reader.forPlan(db, "postgres", role, ["s"]);
  const change = (role: string) => reader.forChange(db, "postgres", role, ["s"]);
  queries = 0;
  expect(heldOn(await plan("a"), "s.t")).toEqual(["SELECT"]);
  const once = queries;
  expect(heldOn(await plan("b"), "s.t")).toEqual([]);
  expect(heldOn(await change("b"), "s.t")).toEqual([]);
  expect(queries).toBe(once);
  await db.query("GRANT INSERT ON s.t TO b");
  expect(heldOn(await change("b"), "s.t")).toEqual(["INSERT"]);
  await db.query("GRANT DELETE ON s.t TO b");
  expect(heldOn(await plan("b"), "s.t")).toEqual(["INSERT", "DELETE"]);
});

test("another database or other schemas need another reading", async () => {
  const reader = new PrivilegeReader();
  expect(heldOn(await reader.forPlan(db, "postgres", "a", ["s"]), "s.t")).toEqual(["SELECT"]);
  expect(heldOn(await reader.forPlan(db, "postgres", "a", []), "s.t")).toBeUndefined();
});
