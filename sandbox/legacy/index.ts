import pg from "pg";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { statements } from "./statements.ts";

/** A superuser's login on the server the estate is made on. */
export interface Admin {
  host: string;
  port: number;
  user: string;
  password: string;
}

/**
 * Makes the runbook's estate on an empty server: its existing login roles (each one's password is its name), and the databases
 * `tracksolid_db` and `fleet_platform`, everything owned by the admin except `reporting.v_trips`. Not to be run twice.
 */
export async function createLegacyEstate(admin: Admin): Promise<void> {
  await connected(admin, "postgres", async (db) => {
    await loadRoles(db);
    await load(db, "databases.sql");
  });
  await connected(admin, "tracksolid_db", loadTracksolid);
  await connected(admin, "fleet_platform", loadFleetPlatform);
}

/** The server-wide part: analytics_ro, dashboard_ro, grafana_ro and reporting_refresher. The databases' grants need it. */
export async function loadRoles(db: Queryable): Promise<void> {
  await load(db, "roles.sql");
}

/**
 * What `tracksolid_db` holds, loaded into the database of `db`. `position_history` is a hypertable of 31 chunks, partly compressed, where
 * the extension timescaledb can be had (pg_available_extensions), else a table of 31 range partitions.
 */
export async function loadTracksolid(db: Queryable): Promise<void> {
  const timescale = await db.query("SELECT FROM pg_available_extensions WHERE name = 'timescaledb'");
  await load(db, "tracksolid_db/types.sql");
  await load(db, "tracksolid_db/tables.sql");
  await load(db, `tracksolid_db/positions.${timescale.rows.length > 0 ? "timescaledb" : "plain"}.sql`);
  await load(db, "tracksolid_db/functions.sql");
  await load(db, "tracksolid_db/rows.sql");
  await load(db, "tracksolid_db/views.sql");
  await load(db, "tracksolid_db/grants.sql");
}

/** What `fleet_platform` holds, loaded into the database of `db`. */
async function loadFleetPlatform(db: Queryable): Promise<void> {
  await load(db, "fleet_platform/tables.sql");
  await load(db, "fleet_platform/rows.sql");
  await load(db, "fleet_platform/grants.sql");
}

/** Runs a file's statements one by one: some of TimescaleDB's refuse a transaction. */
async function load(db: Queryable, file: string): Promise<void> {
  for (const statement of statements(file)) {
    try {
      await db.query(statement);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`cannot make the sandbox's estate: ${reason}, in ${file} at:\n${statement}`, { cause: error });
    }
  }
}

async function connected(admin: Admin, database: string, work: (db: pg.Client) => Promise<void>): Promise<void> {
  const db = new pg.Client({ ...admin, database, application_name: "legacy estate" });
  await db.connect();
  try {
    await work(db);
  } finally {
    await db.end();
  }
}
