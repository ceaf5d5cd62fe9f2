import { afterAll, beforeAll, expect, test } from "vitest";
import { readOwnedObjects } from "../../../provider/ownership/objects.ts";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { databaseWarnings, ownershipWarnings, privilegesWarnings } from "../../../provider/warnings/index.ts";
import { keptObjects, ownerLimits } from "../../../provider/warnings/owner-limits.ts";
import { warningsOf } from "../../../provider/warnings/warning.ts";
import { startTracksolid } from "../timescale.ts";

const schemas = ["tracksolid", "reporting", "tickets"];
const legacyUsers = ["postgres"];

let db: Queryable & { close(): Promise<void> };
beforeAll(async () => {
  db = await startTracksolid();
});
afterAll(() => db.close());

const declared = (keepOwner: Record<string, string> = {}) => ({
  ...{ owner: "tracksolid_owner", schemas, keepOwner, alsoOwn: [] },
  roles: { tracksolid_owner: { access: "owner" as const }, dashboard_app: { access: "reader" as const } },
});

async function ofOwnership(): Promise<string[]> {
  const keepOwner = {
    "reporting.v_trips": "reporting_refresher",
    "function tracksolid.raise_alarm(text,text)": "postgres",
  };
  const objects = await readOwnedObjects(db, schemas);
  const goal = { owner: "tracksolid_owner", schemas, keepOwner, alsoOwn: [], roles: ["tracksolid_owner"] };
  const facts = { ...goal, database: "tracksolid_db", objects, previousOwners: {}, legacyUsers };
  // Without the warnings that do not depend on TimescaleDB.
  const kinds = ownershipWarnings.filter((kind) => kind !== keptObjects && kind !== ownerLimits);
  return warningsOf(db, { ...facts, declared: declared(goal.keepOwner) }, kinds);
}

test("the internal relations of hypertables and aggregates cause no warning", async () => {
  expect(await ofOwnership()).toEqual([]);
  const role = { role: "dashboard_app", database: "tracksolid_db", access: "reader" as const, schemas };
  expect(
    await warningsOf(
      db,
      { ...role, legacyUsers, logins: [role.role], declared: declared(), previousOwners: {} },
      privilegesWarnings,
    ),
  ).toEqual([]);
  const facts = {
    database: "tracksolid_db",
    schemas,
    alsoOwn: [],
    roles: ["tracksolid_owner"],
    legacyUsers,
    declared: declared(),
    previousOwners: {},
  };
  expect(await warningsOf(db, facts, databaseWarnings)).toEqual([]);
});

test("a continuous aggregate whose new owner cannot read its table or call its function", async () => {
  await db.query(`
    CREATE SCHEMA raw; CREATE TABLE raw.fuel (at timestamptz NOT NULL, litres real);
    SELECT public.create_hypertable('raw.fuel', 'at');
    CREATE FUNCTION raw.rounded(real) RETURNS real LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    REVOKE EXECUTE ON FUNCTION raw.rounded FROM PUBLIC;
    CREATE MATERIALIZED VIEW reporting.fuel_daily WITH (timescaledb.continuous) AS
      SELECT public.time_bucket('1 day', at) AS day, sum(raw.rounded(litres)) FROM raw.fuel GROUP BY 1 WITH NO DATA;
    CREATE MATERIALIZED VIEW reporting.fuel_weekly WITH (timescaledb.continuous) AS
      SELECT public.time_bucket('7 days', day) AS week, count(*) FROM reporting.fuel_daily GROUP BY 1 WITH NO DATA;
  `);
  const lines = await ofOwnership();
  expect(lines).toEqual([
    expect.stringMatching(/^reporting\.fuel_daily: .*cannot read raw\.fuel/),
    expect.stringMatching(/^reporting\.fuel_daily: .*has no EXECUTE on function raw\.rounded\(real\)/),
  ]);
  await db.query("GRANT SELECT ON raw.fuel TO PUBLIC; GRANT EXECUTE ON FUNCTION raw.rounded TO PUBLIC");
  expect(await ofOwnership()).toEqual([]);
});
