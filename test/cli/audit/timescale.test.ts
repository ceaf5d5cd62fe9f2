import { afterAll, beforeAll, expect, test } from "vitest";
import { auditDocument } from "../../../cli/audit/document.ts";
import { examine } from "../../../cli/audit/examination.ts";
import { Observations, observe } from "../../../cli/audit/observation.ts";
import type { Subject } from "../../../cli/audit/subject.ts";
import { ReadOnlyServer } from "../../../cli/postgres/read-only-server.ts";
import { privilegesContract } from "../../../provider/privileges/contract.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { testCall } from "../../provider/calls.ts";
import { startTracksolid } from "../../provider/timescale.ts";
import { declare } from "./deployed.ts";

let db: Awaited<ReturnType<typeof startTracksolid>>;
let subject: Subject;

/** The embedded server has one session and one database. */
class Embedded extends ReadOnlyServer {
  override session: ReadOnlyServer["session"] = (_database, work) => work(db);
  override anySession: ReadOnlyServer["anySession"] = (work) => work(db);
}
const server = () => new Embedded(subject);

async function audit() {
  const observations = new Observations();
  observations.add(await observe(db));
  return auditDocument(await examine(server(), subject, observations, {}));
}

beforeAll(async () => {
  db = await startTracksolid();
  await db.query("CREATE ROLE dashboard_app LOGIN CONNECTION LIMIT 8");
  // PGlite: before a first write to the database's row, every GRANT on it fails with `tuple concurrently deleted`.
  await db.query("ALTER DATABASE template1 CONNECTION LIMIT -1");
  await db.query("SET search_path = pg_catalog, pg_temp");
  const address = { host: "db", port: 5432, user: "postgres", password: "", database: "template1", sslmode: "disable" };
  const schemas = ["tracksolid", "reporting", "tickets"];
  const inputs = {
    role: "dashboard_app",
    database: "template1",
    access: "reader" as const,
    schemas,
    creators: [],
    before: [],
  };
  subject = {
    address,
    namedBy: "stack",
    declared: declare(
      {
        server: { host: "db" },
        databases: { template1: { schemas } },
        roles: { dashboard_app: { connectionLimit: 8, access: { template1: "reader" } } },
      },
      [
        {
          urn: "urn:pulumi:prod::app-roles::pgaccess:index:Privileges::dashboard_app.template1",
          type: privilegesContract.token,
          inputs,
        },
      ],
    ),
  };
  await privileges(server(), new PrivilegeReader(0)).apply(inputs, undefined, testCall());
});
afterAll(() => db.close());

test("chunks and TimescaleDB's own objects are no findings; a hypertable is one", async () => {
  const found = async () =>
    (await audit()).findings
      .filter(({ check }) => /^(drift|reader-writes|public-relation|public-schema)$/.test(check))
      .map(({ id, what }) => [id, what]);
  expect(await found()).toEqual([]);
  await db.query("GRANT INSERT ON tracksolid.position_history TO PUBLIC");
  await db.query("REVOKE SELECT ON tracksolid.position_history FROM dashboard_app");
  expect(await found()).toEqual([
    [
      "drift/privileges/dashboard_app/template1",
      expect.stringMatching(/: tracksolid\.position_history: grant SELECT$/),
    ],
    ["reader-writes/dashboard_app/template1/through PUBLIC", expect.stringContaining("can write to 1 relation in")],
    [
      "public-relation/template1/tracksolid/write",
      expect.stringMatching(/1 relation in template1: tracksolid\.position_history$/),
    ],
  ]);
});
