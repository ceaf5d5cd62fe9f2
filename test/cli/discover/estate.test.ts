import { afterAll, beforeAll, expect, test } from "vitest";
import { activityBetween, readActivity } from "../../../cli/discover/activity.ts";
import { readEstate } from "../../../cli/discover/estate.ts";
import { useText } from "../../../cli/discover/evidence.ts";
import { evidenceOf } from "../../../cli/discover/statements/evidence-of.ts";
import { readNames } from "../../../cli/discover/statements/read-names.ts";
import { Resolver } from "../../../cli/discover/statements/resolve.ts";
import { startTracksolid } from "../../provider/timescale.ts";

let db: Awaited<ReturnType<typeof startTracksolid>>;

beforeAll(async () => {
  db = await startTracksolid();
});
afterAll(() => db.close());

test("TimescaleDB's own schemas and chunks are not part of the estate", async () => {
  const estate = await readEstate(db, "tracksolid_db");
  expect(estate.schemas).toEqual(["reporting", "tickets", "tracksolid"]);
  expect(estate.objects.filter(({ isSuperusers }) => !isSuperusers)).toEqual([
    { key: "reporting.v_trips", schema: "reporting", owner: "reporting_refresher", isSuperusers: false },
  ]);
  expect(estate.objects.map(({ key }) => key)).toContain("tracksolid.position_history");
  expect(estate.ledgers).toEqual([
    {
      key: "tracksolid.schema_migrations",
      schema: "tracksolid",
      owner: "postgres",
      isSuperusers: true,
      schemaPrivileges: ["USAGE", "CREATE"],
    },
  ]);
});

test("hypertables and continuous aggregates are named themselves, never their chunks", async () => {
  const names = await readNames(db);
  expect(names.catalog.relations.filter(({ schema }) => schema === "_timescaledb_internal")).toEqual([]);
  const statement = (text: string) => ({ text, database: "d", user: "postgres", count: 1, source: "log" as const });
  const { evidence, written } = await evidenceOf(
    "tracksolid_db",
    [
      statement("INSERT INTO tracksolid.position_history (imei, recorded_at, lat, lng) VALUES ('1', now(), 1, 2)"),
      statement("SELECT public.time_bucket('1 day', day) FROM reporting.v_mileage_daily_cagg"),
      statement("SELECT public.drop_chunks('tracksolid.position_history', interval '1 year')"),
    ],
    new Resolver(names),
    1024,
  );
  expect(evidence.unknown).toEqual([]);
  expect(
    evidence.uses
      .filter(({ kind }) => kind === "table")
      .map(useText)
      .toSorted(),
  ).toEqual([
    "INSERT on tracksolid.position_history",
    "SELECT on reporting.v_mileage_daily_cagg",
    "ownership of tracksolid.position_history",
  ]);
  expect([...written].map((id) => names.relationById(id)?.name)).toEqual(["position_history"]);
});

test("a new chunk, a refresh and a new file are not DDL; a column and an owner are", async () => {
  const before = await readActivity(db);
  await db.query(
    `INSERT INTO tracksolid.position_history (imei, recorded_at, lat, lng) VALUES ('860000000000001', now() + interval '40 days', 1, 2)`,
  );
  await db.query("CALL public.refresh_continuous_aggregate('reporting.v_mileage_daily_cagg', NULL, NULL)");
  await db.query("ANALYZE");
  await db.query("TRUNCATE tickets.comments RESTART IDENTITY");
  await db.query("VACUUM FULL tickets.tickets");
  expect(activityBetween(before, await readActivity(db)).changed).toEqual([]);
  await db.query("ALTER TABLE tracksolid.position_history ADD COLUMN heading real");
  await db.query("ALTER TABLE tickets.tickets ADD COLUMN token uuid DEFAULT gen_random_uuid()");
  await db.query("ALTER TABLE tickets.comments OWNER TO reporting_refresher");
  await db.query("DROP VIEW tickets.v_open_tickets");
  const { changed } = activityBetween(before, await readActivity(db));
  expect(changed.filter(({ name }) => !/_(pkey|idx|seq)$/.test(name))).toEqual([
    { name: "tickets.comments", schema: "tickets", what: "given another owner" },
    { name: "tickets.tickets", schema: "tickets", what: "altered" },
    { name: "tickets.v_open_tickets", schema: "tickets", what: "dropped" },
    { name: "tracksolid.position_history", schema: "tracksolid", what: "altered" },
  ]);
});

test("statistics that were reset count from their reset", () => {
  const snapshot = (rows: number) => ({ writes: new Map([["a.t", { schema: "a", rows }]]), objects: new Map() });
  expect(activityBetween(snapshot(10), snapshot(12)).writes).toEqual([{ schema: "a", rows: 2, tables: ["a.t"] }]);
  expect(activityBetween(snapshot(10), snapshot(3)).writes).toEqual([{ schema: "a", rows: 3, tables: ["a.t"] }]);
  expect(activityBetween(snapshot(10), snapshot(10)).writes).toEqual([]);
});
