import { readFileSync } from "node:fs";
import pg from "pg";
import type { Queryable } from "../../provider/postgres/connection.ts";

/** The address of a server and the login of its superuser. */
export interface Admin {
  host: string;
  port: number;
  user: string;
  password: string;
}

/**
 * Creates the runbook's estate on an empty server: the existing login roles (each role's password is its name) and the
 * databases `tracksolid_db` and `fleet_platform`. The admin owns everything except `reporting.v_trips`. It cannot run twice.
 */
export async function createLegacyEstate(admin: Admin): Promise<void> {
  await connected(admin, "postgres", async (db) => {
    await loadRoles(db);
    await load(db, "databases.sql");
  });
  await connected(admin, "tracksolid_db", loadTracksolid);
  await connected(admin, "fleet_platform", loadFleetPlatform);
}

/** Creates the roles analytics_ro, dashboard_ro, grafana_ro and reporting_refresher, which the databases' grants need. */
export async function loadRoles(db: Queryable): Promise<void> {
  await load(db, "roles.sql");
}

/**
 * Loads the contents of `tracksolid_db` into the current database. If the extension timescaledb is available
 * (pg_available_extensions), `position_history` is a hypertable of 31 chunks, some compressed; else it has 31 partitions.
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

/** Loads the contents of `fleet_platform` into the current database. */
async function loadFleetPlatform(db: Queryable): Promise<void> {
  await load(db, "fleet_platform/tables.sql");
  await load(db, "fleet_platform/rows.sql");
  await load(db, "fleet_platform/grants.sql");
}

/** Runs a file's statements one by one, since some TimescaleDB statements cannot run in a transaction. */
async function load(db: Queryable, file: string): Promise<void> {
  for (const statement of statements(file)) {
    try {
      await db.query(statement);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`cannot create the sandbox's estate: ${reason}, in ${file} at:\n${statement}`, { cause: error });
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

/** The statements of a file in sql/. A blank line separates them, and no statement contains one. */
export function statements(file: string): string[] {
  const text = readFileSync(new URL(`sql/${file}`, import.meta.url), "utf8").trim();
  return text.split(/\n{2,}/).filter((part) => part.split("\n").some((line) => !line.startsWith("--")));
}
