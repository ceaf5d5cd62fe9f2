import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { baseline } from "../../../provider/baseline/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { isGrantedOnTable } from "../../../provider/privileges/explicit-grants.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof privileges>["apply"]>[0];

const longest = "ä".repeat(31); // 62 bytes

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let resource: ReturnType<typeof privileges>;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    resource = privileges(server, new PrivilegeReader(0));
    admin = await postgres.connect();
    await admin.query(`
      CREATE ROLE "App ""x" LOGIN PASSWORD 'admin'; CREATE ROLE keeper;
      CREATE SCHEMA app; CREATE SCHEMA audit; CREATE SCHEMA "Odd.schema"; GRANT ALL ON SCHEMA audit TO keeper;
      CREATE TABLE app.people (id int, "First name" text, secret text); CREATE TABLE app.orders (id int);
      CREATE TABLE audit.entries (id serial, a int); CREATE TABLE audit.other (id int);
      CREATE VIEW audit.v_kept AS SELECT 1 AS one; ALTER VIEW audit.v_kept OWNER TO keeper;
      CREATE TABLE "Odd.schema"."${longest}" (id int); CREATE TYPE audit.level AS ENUM ('low');
      CREATE FUNCTION audit.write(text, integer) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE FUNCTION audit.write(text) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE PROCEDURE audit.sweep() LANGUAGE sql AS 'SELECT 1';
      REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA audit FROM PUBLIC; REVOKE USAGE ON TYPE audit.level FROM PUBLIC`);
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(() => admin.query(`DROP OWNED BY "App ""x"`));

  const inputs = (more: Partial<Inputs> = {}): Inputs => ({
    role: 'App "x',
    database: "postgres",
    access: "reader",
    schemas: ["app"],
    creators: [],
    before: [],
    ...more,
  });
  const plan = (wanted: Inputs, previous?: Inputs) => resource.plan(wanted, previous, {});
  const changesOf = async (wanted: Inputs, previous?: Inputs) => (await plan(wanted, previous)).changes;
  const apply = (wanted: Inputs, previous?: Inputs) => resource.apply(wanted, previous, testCall());

  const everything: NonNullable<Inputs["grants"]> = {
    database: ["temp"],
    schemas: { audit: ["USAGE"], "Odd.schema": ["usage"] },
    tables: { "audit.v_kept": ["SELECT"], "audit.e*": ["SELECT", "INSERT"], [`"Odd.schema".${longest}`]: ["DELETE"] },
    columns: { "app.people": { UPDATE: ["First name", "id"] } },
    sequences: { "audit.entries_id_seq": ["USAGE"] },
    functions: { "audit.write(text, integer)": ["EXECUTE"], "audit.sweep": ["EXECUTE"] },
    types: { "audit.level": ["USAGE"] },
  };

  test("explicit grants of every kind add to the access level, are granted again after a revoke by hand, and are revoked by remove", async () => {
    const before = await observe(admin);
    const wanted = inputs({ grants: everything });
    const planned = await changesOf(wanted);
    expect(planned).toMatchObject({
      "database postgres": "grant CONNECT, TEMPORARY",
      "schema audit": "grant USAGE",
      'schema "Odd.schema"': "grant USAGE",
      "audit.v_kept": "grant SELECT",
      "audit.entries": "grant SELECT, INSERT",
      [`"Odd.schema"."${longest}"`]: "grant DELETE",
      "column First name of app.people": "grant UPDATE",
      "column id of app.people": "grant UPDATE",
      "audit.entries_id_seq": "grant USAGE",
      "function audit.write(pg_catalog.text,integer)": "grant EXECUTE",
      "procedure audit.sweep()": "grant EXECUTE",
      "type audit.level": "grant USAGE",
      "app.people": "grant SELECT",
    });
    expect(Object.keys(planned)).not.toContain("audit.other");
    expect(Object.keys(planned)).not.toContain("function audit.write(pg_catalog.text)");
    expect(await apply(wanted)).toMatch(/^[^:]*, all granted: .*; UPDATE on 2 columns;/);
    expect(await plan(wanted, wanted)).toEqual({ changes: {}, warnings: [] });

    const session = await postgres.connect({ user: 'App "x', password: "admin" });
    await session.query(
      `UPDATE app.people SET "First name" = 'x', id = 1; SELECT audit.write('a', 1); CALL audit.sweep()`,
    );
    await session.query(
      "INSERT INTO audit.entries (a) VALUES (1); SELECT * FROM audit.v_kept; SELECT 'low'::audit.level",
    );
    await expect(session.query("UPDATE app.people SET secret = 'x'")).rejects.toThrow("permission denied");
    await expect(session.query("SELECT audit.write('a')")).rejects.toThrow("permission denied");
    await session.end();

    await admin.query(`REVOKE UPDATE (id) ON app.people FROM "App ""x"; REVOKE INSERT ON audit.entries FROM "App ""x"`);
    const drift = { "column id of app.people": "grant UPDATE", "audit.entries": "grant INSERT" };
    expect(await changesOf(wanted, wanted)).toEqual(drift);
    await apply(wanted, wanted);

    const fewer = inputs({ grants: { ...everything, columns: {}, functions: {} } });
    expect(await changesOf(fewer, wanted)).toEqual({
      "column First name of app.people": "revoke UPDATE",
      "column id of app.people": "revoke UPDATE",
      "function audit.write(pg_catalog.text,integer)": "revoke EXECUTE",
      "procedure audit.sweep()": "revoke EXECUTE",
    });
    await apply(fewer, wanted);
    await resource.remove(fewer, testCall());
    expect(await observe(admin)).toEqual(before);
  });

  test("without an access level the role has only its explicit grants and CONNECT", async () => {
    const grants = { tables: { "app.orders": ["SELECT"] }, schemas: { app: ["USAGE"] } };
    expect(await changesOf(inputs({ access: undefined, grants }))).toEqual({
      "database postgres": "grant CONNECT",
      "schema app": "grant USAGE",
      "app.orders": "grant SELECT",
    });
  });

  test("a warning lists names that match no object", async () => {
    const { warnings = [] } = await plan(
      inputs({
        grants: {
          schemas: { aduit: ["USAGE"] },
          tables: { "audit.entry": ["SELECT"] },
          columns: { "app.people": { SELECT: ["nmae"] } },
        },
      }),
    );
    const named = (what: string) => expect.stringContaining(`grants in postgres: ${what}: there is no such object`);
    expect(warnings).toEqual([named("schemas aduit"), named("tables audit.entry"), named("columns app.people (nmae)")]);
  });

  test("a change from a table privilege to a column privilege keeps the column privilege", async () => {
    const whole = inputs({
      access: undefined,
      grants: { schemas: { app: ["USAGE"] }, tables: { "app.people": ["SELECT"] } },
    });
    const part = inputs({
      access: undefined,
      grants: { schemas: { app: ["USAGE"] }, columns: { "app.people": { SELECT: ["id"] } } },
    });
    await apply(whole);
    await apply(part, whole);
    expect(await changesOf(part, part)).toEqual({});
    const session = await postgres.connect({ user: 'App "x', password: "admin" });
    await session.query("SELECT id FROM app.people");
    await expect(session.query("SELECT secret FROM app.people")).rejects.toThrow("permission denied");
    await session.end();
  });

  test("a preview refuses MAINTAIN on a server without it", async () => {
    const wanted = inputs({ grants: { tables: { "app.orders": ["select", "maintain"] } } });
    const { failures = [] } = await plan(wanted);
    if (version >= 17) {
      expect(failures).toEqual([]);
      return;
    }
    expect(failures).toEqual([
      {
        property: "grants",
        reason: expect.stringContaining("grants.postgres.tables.app.orders: MAINTAIN requires PostgreSQL 17"),
      },
    ]);
  });

  describe("privileges that the role granted onward", () => {
    const wanted = inputs({ exclusive: true });
    const role = 'App "x';
    /** Runs the statements of a refusal. */
    const doAsTold = async (reason = "") => admin.query(/First run: (.*;)/.exec(reason)?.[1] ?? "SELECT");
    const reasons = async () => ((await plan(wanted, wanted)).failures ?? []).map(({ reason }) => reason);

    beforeEach(async () => {
      await apply(wanted);
      await admin.query(
        `GRANT SELECT ON app.orders TO "App ""x" WITH GRANT OPTION; GRANT INSERT ON app.orders TO "App ""x" WITH GRANT OPTION`,
      );
    });

    test("cause a warning with the statements that revoke them, as does the grant option", async () => {
      const stays = inputs({ grants: { tables: { "app.orders": ["INSERT"] } } });
      await apply(stays);
      expect((await plan(stays, stays)).warnings).toContainEqual(
        expect.stringMatching(
          /holds privileges WITH GRANT OPTION in postgres and can grant them onward: app\.orders.*Destroy is refused/,
        ),
      );
      await admin.query(`SET ROLE "App ""x"; GRANT SELECT ON app.orders TO keeper; RESET ROLE`);
      const { warnings = [], failures = [] } = await plan(stays, stays);
      expect(failures).toEqual([]);
      const warning = warnings.find((one) => one.startsWith("destroy,"));
      expect(warning).toContain("SELECT on app.orders cannot be revoked from");
      await doAsTold(warning);
      await resource.remove(stays, testCall());
    });

    test("are refused in a preview with the grantees and statements; after these they can be revoked", async () => {
      await admin.query(
        `SET ROLE "App ""x"; GRANT INSERT ON app.orders TO keeper, pg_monitor; GRANT SELECT ON app.orders TO keeper; RESET ROLE`,
      );
      const [reason, ...more] = await reasons();
      expect(more).toEqual([]);
      expect(reason).toContain(
        'postgres: INSERT on app.orders cannot be revoked from App "x, which granted it onward to keeper, pg_monitor. First run: SET ROLE',
      );
      await expect(apply(wanted, wanted)).rejects.toThrow(
        /which granted it onward to keeper, pg_monitor.*Nothing was changed/s,
      );
      await doAsTold(reason);
      expect(await reasons()).toEqual([]);
      await apply(wanted, wanted);
      expect(await changesOf(wanted, wanted)).toEqual({});
      await expect(resource.remove(wanted, testCall())).rejects.toThrow(
        /SELECT on app.orders cannot be revoked.*keeper/,
      );
      await admin.query(`SET ROLE "App ""x"; REVOKE SELECT ON app.orders FROM keeper; RESET ROLE`);
      await resource.remove(wanted, testCall());
    });

    test("on a column block the revoke of the table's privilege", async () => {
      await admin.query(`GRANT UPDATE, UPDATE (secret) ON app.people TO "App ""x" WITH GRANT OPTION;
        SET ROLE "App ""x"; GRANT UPDATE (secret) ON app.people TO keeper; RESET ROLE`);
      const [reason, ...more] = await reasons();
      expect(more).toEqual([]);
      expect(reason).toContain(`REVOKE UPDATE ("secret") ON TABLE "app"."people" FROM "keeper"`);
      await doAsTold(reason);
      await apply(wanted, wanted);
      expect(await changesOf(wanted, wanted)).toEqual({});
      const { rows } = await admin.query(
        "SELECT FROM information_schema.column_privileges WHERE grantee = $1 AND privilege_type = 'UPDATE'",
        [role],
      );
      expect(rows).toEqual([]);
    });
  });

  describe("exclusive", () => {
    const byHand = `
      GRANT INSERT ON app.orders TO "App ""x" WITH GRANT OPTION; GRANT UPDATE (secret) ON app.people TO "App ""x";
      GRANT SELECT ON audit.other TO "App ""x"; GRANT USAGE ON SCHEMA audit TO "App ""x";
      SET ROLE keeper; GRANT SELECT ON audit.v_kept TO "App ""x"; RESET ROLE;
      ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT DELETE ON TABLES TO "App ""x"; GRANT SELECT ON app.orders TO PUBLIC`;

    test("revokes privileges that were granted by hand in the whole database, by any grantor, and none of PUBLIC's", async () => {
      const wanted = inputs({ exclusive: true });
      await apply(wanted);
      const clean = await observe(admin);
      await admin.query(byHand);
      const { changes, warnings } = await plan(wanted, wanted);
      expect(changes).toEqual({
        "app.orders": "revoke INSERT",
        "column secret of app.people": "revoke UPDATE",
        "audit.other": "revoke SELECT",
        "schema audit": "revoke USAGE",
        "audit.v_kept": "revoke SELECT",
        "default privileges of postgres in app": "revoke DELETE on tables",
      });
      expect(warnings).toEqual([]);
      await apply(wanted, wanted);
      expect(await changesOf(wanted, wanted)).toEqual({});
      const { rows } = await admin.query("SELECT has_table_privilege('keeper', 'app.orders', 'SELECT') AS public");
      expect(rows).toEqual([{ public: true }]);
      await admin.query("REVOKE SELECT ON app.orders FROM PUBLIC");
      expect(await observe(admin)).toEqual(clean);
    });

    test("keeps an adopted role's privileges in unmanaged schemas, as does the removal of an explicit grant", async () => {
      await admin.query(`GRANT USAGE ON SCHEMA audit TO "App ""x"; GRANT SELECT ON audit.other TO "App ""x"`);
      const role = 'App "x';
      const scope = {
        database: "postgres",
        schemas: ["app"],
        keepOwner: {},
        alsoOwn: [],
        roles: [role],
        adopt: [role],
      };
      const { observed } = await baseline(server).plan(scope, undefined, {});
      const before = (observed?.held as Record<string, Inputs["before"]> | undefined)?.[role] ?? [];
      const wanted = inputs({ exclusive: true, grants: { tables: { "audit.other": ["SELECT"] } }, before });
      const planned = await changesOf(wanted);
      expect(Object.values(planned).join()).not.toContain("revoke");
      await apply(wanted);
      await resource.remove(wanted, testCall());
      const { rows } = await admin.query(
        "SELECT has_table_privilege($1, 'audit.other', 'SELECT') AS select, has_schema_privilege($1, 'audit', 'USAGE') AS usage",
        [role],
      );
      expect(rows).toEqual([{ select: true, usage: true }]);
    });

    test("keeps explicit grants and the privileges of the baseline", async () => {
      const before = [{ object: "audit.other", privilege: "SELECT", grantable: false }];
      const wanted = inputs({ exclusive: true, grants: { columns: { "app.people": { UPDATE: ["secret"] } } }, before });
      await apply(wanted);
      await admin.query(`GRANT SELECT, INSERT ON audit.other TO "App ""x"`);
      expect(await changesOf(wanted, wanted)).toEqual({ "audit.other": "revoke INSERT" });
    });
  });
});

test.each([
  [{ tables: { "app.orders": ["delete"] } }, "app.orders", true],
  [{ tables: { "app.*": ["SELECT", "DELETE"] } }, "app.orders", true],
  [{ tables: { '"Odd.schema".*': ["DELETE"] } }, '"Odd.schema"."a ""b"', true],
  [{ tables: { "app.orders": ["SELECT"] } }, "app.orders", false],
  [{ tables: { "app.order": ["DELETE"] } }, "app.orders", false],
  [undefined, "app.orders", false],
])("whether %j grants DELETE on %s: %s", (grants, identity, granted) => {
  expect(isGrantedOnTable(grants, identity, "DELETE")).toBe(granted);
});
