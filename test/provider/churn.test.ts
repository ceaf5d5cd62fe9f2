import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PrivilegeReader } from "../../provider/catalog/privilege-reader.ts";
import { Server } from "../../provider/connection.ts";
import { privileges } from "../../provider/resources/privileges.ts";
import { availableVersions } from "../../sandbox/postgres/server.ts";
import { testCall } from "./calls.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

type PrivilegeInputs = Parameters<ReturnType<typeof privileges>["apply"]>[0];

const database = "k";

describe.each(availableVersions())("on PostgreSQL %i, objects that come and go while a run", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    await (await postgres.connect()).query(`CREATE DATABASE ${database}`);
    admin = await postgres.connect({ database });
    await admin.query("CREATE ROLE k_owner LOGIN; CREATE ROLE k_reader LOGIN");
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(async () => {
    await admin.query(`CREATE SCHEMA k; GRANT USAGE, CREATE ON SCHEMA k TO k_owner;
      CREATE TABLE k.t1 (id int); CREATE TABLE k.t2 (id int); CREATE TABLE k.t3 (id int);
      CREATE SEQUENCE k.s1; CREATE SEQUENCE k.s2; CREATE VIEW k.v1 AS SELECT 1 AS one; CREATE VIEW k.v2 AS SELECT 2 AS two;
      CREATE TYPE k.e1 AS ENUM ('a'); CREATE TYPE k.e2 AS ENUM ('b');
      CREATE FUNCTION k.f1() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION k.f2() RETURNS int LANGUAGE sql AS 'SELECT 2'`);
  });
  afterEach(async () => {
    await admin.query("DROP SCHEMA IF EXISTS k CASCADE; DROP OWNED BY k_reader, k_owner");
  });

  const reader = (more: Partial<PrivilegeInputs> = {}): PrivilegeInputs => ({
    role: "k_reader",
    database,
    access: "reader",
    schemas: ["k"],
    creators: [],
    before: [],
    ...more,
  });
  describe("grants privileges", () => {
    const gone = `DROP TABLE k.t2; DROP SEQUENCE k.s2; DROP VIEW k.v2; DROP TYPE k.e2; DROP FUNCTION k.f2()`;

    test("what was dropped since the catalog was read is left out, and said; the rest is granted", async () => {
      // A reading that serves for a minute stands for the moment between reading and granting.
      const resource = privileges(server, new PrivilegeReader(60_000));
      await resource.plan(reader(), undefined, {});
      await admin.query(`${gone}; ALTER TABLE k.t3 RENAME TO t4`);
      const call = testCall();
      await resource.apply(reader(), undefined, call);
      expect((await resource.plan(reader(), undefined, {})).changes).toEqual({});
      expect(call.lines.filter((line) => line.includes("tried again"))).not.toEqual([]);
      const { rows } = await admin.query("SELECT has_table_privilege('k_reader', 'k.t4', 'SELECT') AS may");
      expect(rows).toEqual([{ may: true }]);
    });

    test("what was dropped does not keep the rest from being revoked", async () => {
      const resource = privileges(server, new PrivilegeReader(60_000));
      await resource.apply(reader(), undefined, testCall());
      await resource.plan(reader(), undefined, {});
      await admin.query(gone);
      await resource.remove(reader(), testCall());
      const { rows } = await admin.query("SELECT has_table_privilege('k_reader', 'k.t1', 'SELECT') AS may");
      expect(rows).toEqual([{ may: false }]);
    });

    test("a role that was dropped is no object that may be left out", async () => {
      const resource = privileges(server, new PrivilegeReader(60_000));
      await admin.query("CREATE ROLE k_short_lived");
      await resource.plan(reader({ role: "k_short_lived" }), undefined, {});
      await admin.query("DROP ROLE k_short_lived");
      await expect(resource.apply(reader({ role: "k_short_lived" }), undefined, testCall())).rejects.toThrow(
        /there is no role k_short_lived/,
      );
    });
  });
});
