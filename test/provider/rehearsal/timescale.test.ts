import { afterAll, beforeAll, expect, test } from "vitest";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import type { RehearsalGoal } from "../../../provider/rehearsal/goal.ts";
import { rehearse } from "../../../provider/rehearsal/rehearse.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startTracksolid } from "../timescale.ts";

const goal: RehearsalGoal = {
  database: "tracksolid_db",
  schemas: ["tracksolid", "reporting", "tickets"],
  owner: "tracksolid_owner",
  keepOwner: { "reporting.v_trips": "reporting_refresher" },
  alsoOwn: [],
  roles: [
    { role: "tracksolid_owner", access: "owner", settings: {} },
    { role: "dashboard_app", access: "reader", settings: {} },
  ],
};

const unhurried = { patience: 0, holdCap: 60_000 };

let db: Queryable & { close(): Promise<void> };
beforeAll(async () => {
  db = await startTracksolid();
  // As in the sessions of Server.
  await db.query("SET search_path = pg_catalog, pg_temp");
});
afterAll(() => db.close());

/** PGlite does not support GRANT ON DATABASE ("tuple concurrently deleted"), which the checks of a schema need. */
const withoutSchemas = (missed: { object: string }[]) => missed.filter(({ object }) => !object.startsWith("schema "));

const jobs = async () =>
  (await db.query("SELECT job_id, owner::text FROM timescaledb_information.jobs ORDER BY 1")).rows;

test("a hypertable is altered by its new owner, with its jobs and its aggregate, and rolled back", async () => {
  const before = [await observe(db), await jobs()];
  const result = await rehearse(db, goal, [], testCall(), unhurried);
  expect([result.failed, withoutSchemas(result.missed)]).toEqual([[], []]);
  expect(result.moved).toBeGreaterThan(20);
  expect([await observe(db), await jobs()]).toEqual(before);
});

test("a migration of a hypertable and its policies passes", async () => {
  const before = [await observe(db), await jobs()];
  const text = `ALTER TABLE tracksolid.position_history ADD COLUMN note text;
                SELECT public.remove_compression_policy('tracksolid.position_history');
                CREATE MATERIALIZED VIEW reporting.hourly WITH (timescaledb.continuous) AS
                  SELECT imei, public.time_bucket('1 hour', recorded_at) AS hour, count(*) AS positions
                  FROM tracksolid.position_history GROUP BY 1, 2 WITH NO DATA;`;
  const { failed, missed } = await rehearse(db, goal, [{ name: "0043.sql", text }], testCall(), unhurried);
  expect([failed, withoutSchemas(missed)]).toEqual([[], []]);
  expect([await observe(db), await jobs()]).toEqual(before);
});

test("a hypertable whose chunks would be locked for too long is not tried", async () => {
  const { rows } = await db.query(
    "SELECT FROM timescaledb_information.chunks WHERE hypertable_name = 'position_history'",
  );
  const altered: string[] = [];
  const query: Queryable["query"] = async (text, values) => {
    if (text.includes("ALTER TABLE tracksolid.position_history OWNER")) altered.push(text);
    return db.query(text, values);
  };
  const { untried, failed } = await rehearse({ query }, goal, [], testCall(), { patience: 0, holdCap: 1 });
  const [, relations] = /^its move changes (\d+) relations/.exec(
    untried.find(({ object }) => object === "tracksolid.position_history")?.reason ?? "",
  ) as RegExpExecArray;
  expect(Number(relations)).toBeGreaterThan(2 * rows.length);
  expect([altered, failed]).toEqual([[], []]);
});

test("an aggregate whose new owner cannot read its hypertable is reported", async () => {
  await db.query(`CREATE SCHEMA vault; CREATE TABLE vault.readings (at timestamptz NOT NULL, value int)`);
  await db.query("SELECT public.create_hypertable('vault.readings', 'at')");
  await db.query(`CREATE MATERIALIZED VIEW tickets.readings WITH (timescaledb.continuous) AS
                  SELECT public.time_bucket('1 day', at) AS day, count(*) FROM vault.readings GROUP BY 1 WITH NO DATA`);
  const { failed } = await rehearse(db, goal, [], testCall(), unhurried);
  expect(failed).toMatchObject([
    { object: "tickets.readings", check: "EXPLAIN of its definition as tracksolid_owner", code: "42501" },
  ]);
});
