import { afterAll, beforeAll, expect, test } from "vitest";
import { readOwnedObjects } from "../../provider/catalog/objects.ts";
import {
  describe as describeMove,
  isSuperusersMove,
  movesBack,
  movesTowards,
} from "../../provider/catalog/ownership.ts";
import type { Queryable } from "../../provider/connection.ts";
import { reassign } from "../../provider/reassign.ts";
import { testCall } from "./calls.ts";
import { startTracksolid } from "./timescale.ts";

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

test("hypertable, chunks, continuous aggregate and jobs move together, and back", async () => {
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

  const back = movesBack(goal, await readOwnedObjects(db, schemas), former, "postgres");
  expect((await reassign(db, back, testCall())).left).toEqual([]);
  expect(await ownersNow()).toEqual({ parts: ["postgres"], jobs: ["postgres"] });
});

test("hypertables, continuous aggregates and jobs are a superuser's to give away, all else is not", async () => {
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
