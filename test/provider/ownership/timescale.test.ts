import { afterAll, beforeAll, expect, test } from "vitest";
import {
  describe as describeMove,
  isSuperusersMove,
  movesTowards,
  restoringMoves,
} from "../../../provider/ownership/moves.ts";
import { readOwnedObjects } from "../../../provider/ownership/objects.ts";
import { reassign } from "../../../provider/ownership/reassign.ts";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { testCall } from "../calls.ts";
import { startTracksolid } from "../timescale.ts";

const schemas = ["tracksolid", "reporting", "tickets"];
const goal = {
  owner: "tracksolid_owner",
  schemas,
  keepOwner: { "reporting.v_trips": "reporting_refresher" },
  alsoOwn: [],
  roles: ["tracksolid_owner"],
};

let db: Queryable & { close(): Promise<void> };
beforeAll(async () => {
  db = await startTracksolid();
  await db.query(
    "CREATE ROLE tracksolid_owner LOGIN; GRANT USAGE, CREATE ON SCHEMA tracksolid, reporting, tickets TO tracksolid_owner",
  );
  await db.query("SELECT add_retention_policy('tracksolid.position_history', interval '1 year')");
  await db.query(`CREATE PROCEDURE tracksolid.nightly(job_id int, config jsonb) LANGUAGE plpgsql AS $$ BEGIN END $$`);
  await db.query("SELECT add_job('tracksolid.nightly', interval '1 day')");
});
afterAll(() => db.close());

interface Owners {
  parts: string[];
  jobs: string[];
}

async function ownersNow(): Promise<Owners> {
  const parts = await db.query<{ owner: string }>(
    `SELECT DISTINCT pg_get_userbyid(c.relowner) AS owner FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname ~ '^_hyper|^compress_hyper|^_compressed_hyper|^_materialized|^_partial_view|^_direct_view'
       AND c.relkind IN ('r', 'v')`,
  );
  const jobs = await db.query<{ owner: string }>(
    "SELECT DISTINCT owner::text AS owner FROM timescaledb_information.jobs WHERE proc_name !~ 'history_retention|telemetry'",
  );
  return { parts: parts.rows.map((row) => row.owner).sort(), jobs: jobs.rows.map((row) => row.owner).sort() };
}

test("hypertable, chunks, continuous aggregate and jobs move together and are restored together", async () => {
  const before = await readOwnedObjects(db, schemas);
  const owners = Object.fromEntries(before.map((object) => [object.key, object.owner]));
  const former = { owners, acls: {}, columnAcls: {} };
  const moves = movesTowards(goal, before);
  const lines = Object.fromEntries(moves.map((move) => [move.object.key, describeMove(move)]));
  expect(lines["tracksolid.position_history"]).toMatch(/^owner postgres -> tracksolid_owner \(hypertable\), jobs? /);
  expect(lines["reporting.v_mileage_daily_cagg"]).toMatch(/\(continuous aggregate\)/);
  expect(lines["procedure tracksolid.nightly(integer,jsonb)"]).toMatch(/job \d+ -> tracksolid_owner/);
  expect(before.filter((object) => object.schema.startsWith("_"))).toEqual([]);

  expect((await reassign(db, moves, testCall())).left).toEqual([]);
  expect(await ownersNow()).toEqual({ parts: ["tracksolid_owner"], jobs: ["tracksolid_owner"] });
  expect(movesTowards(goal, await readOwnedObjects(db, schemas))).toEqual([]);
  await db.query("SET ROLE tracksolid_owner");
  await db.query("ALTER TABLE tracksolid.position_history ADD COLUMN note text");
  await db.query("SELECT remove_retention_policy('tracksolid.position_history')");
  await db.query("SELECT add_retention_policy('tracksolid.position_history', interval '1 year')");
  await db.query("RESET ROLE");

  const back = restoringMoves(goal, await readOwnedObjects(db, schemas), former, "postgres");
  expect((await reassign(db, back, testCall())).left).toEqual([]);
  expect(await ownersNow()).toEqual({ parts: ["postgres"], jobs: ["postgres"] });
});

test("a continuous aggregate on another one moves after it, and is restored before it, even if its view does not read that one", async () => {
  for (const [name, isMaterializedOnly] of Object.entries({ a_weekly: true, a_weekly_live: false })) {
    await db.query(`CREATE MATERIALIZED VIEW reporting.${name}
      WITH (timescaledb.continuous, timescaledb.materialized_only = ${isMaterializedOnly}) AS
      SELECT time_bucket('7 days', day) AS week, sum(positions) AS positions
      FROM reporting.v_mileage_daily_cagg GROUP BY 1 WITH NO DATA`);
  }
  const before = await readOwnedObjects(db, schemas);
  const owners = Object.fromEntries(before.map((object) => [object.key, object.owner]));
  const depths = new Map(before.map(({ key, depth }) => [key, depth]));
  const lower = depths.get("reporting.v_mileage_daily_cagg") as number;
  expect(depths.get("reporting.a_weekly")).toBe(lower + 1);
  expect(depths.get("reporting.a_weekly_live")).toBe(lower + 1);

  const order: string[] = [];
  const watched: Queryable = {
    query: (text, values) => {
      const moves = [...text.matchAll(/ALTER MATERIALIZED VIEW reporting\.(v_mileage_daily_cagg|a_\w+) OWNER/g)];
      order.push(...moves.map(([, name]) => name as string));
      return db.query(text, values);
    },
  };
  expect((await reassign(watched, movesTowards(goal, before), testCall())).left).toEqual([]);
  expect(order[0]).toBe("v_mileage_daily_cagg");
  await db.query("SET ROLE tracksolid_owner");
  await db.query("CALL refresh_continuous_aggregate('reporting.a_weekly', NULL, NULL)");
  await db.query("RESET ROLE");

  order.length = 0;
  const back = restoringMoves(
    goal,
    await readOwnedObjects(db, schemas),
    { owners, acls: {}, columnAcls: {} },
    "postgres",
  );
  expect((await reassign(watched, back, testCall())).left).toEqual([]);
  expect(order.at(-1)).toBe("v_mileage_daily_cagg");
  expect(order).toHaveLength(3);
  await db.query("DROP MATERIALIZED VIEW reporting.a_weekly; DROP MATERIALIZED VIEW reporting.a_weekly_live");
});

test("only a superuser can change the owner of hypertables, continuous aggregates and jobs", async () => {
  await db.query(`CREATE ROLE boss CREATEROLE; GRANT reporting_refresher, tracksolid_owner TO boss WITH ADMIN OPTION;
    GRANT USAGE, CREATE ON SCHEMA tracksolid, reporting, tickets TO boss`);
  const toBoss = { ...goal, owner: "boss", keepOwner: {}, roles: ["boss"] };
  expect((await reassign(db, movesTowards(toBoss, await readOwnedObjects(db, schemas)), testCall())).left).toEqual([]);
  const moves = movesTowards(goal, await readOwnedObjects(db, schemas));
  const keys = moves.filter(isSuperusersMove).map(({ object }) => object.key);
  expect(keys.sort()).toEqual([
    "procedure tracksolid.nightly(integer,jsonb)",
    "reporting.v_mileage_daily_cagg",
    "tracksolid.position_history",
  ]);

  await db.query("SET SESSION AUTHORIZATION boss");
  const denied: string[] = [];
  for (const move of moves) {
    await reassign(db, [move], testCall()).catch((error: unknown) => {
      expect(String(error)).toContain("42501");
      denied.push(move.object.key);
    });
  }
  await db.query("SET SESSION AUTHORIZATION postgres");
  expect(denied.sort()).toEqual(keys);
});
