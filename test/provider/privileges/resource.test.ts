import { readFileSync } from "node:fs";
import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { heldBefore, readSnapshot } from "../../../provider/baseline/snapshot.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { unknown } from "../../../provider/rpc/values.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof privileges>["apply"]>[0];

const estate = readFileSync(new URL("../estates/kinds.sql", import.meta.url), "utf8");
const odd = 'Odd " schema';

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let resource: ReturnType<typeof privileges>;
  let admin: Client;
  let role: string;
  let count = 0;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    resource = privileges(server, new PrivilegeReader(0));
    await (await postgres.connect()).query("CREATE DATABASE shop");
    admin = await postgres.connect({ database: "shop" });
    await admin.query(estate);
    await admin.query("CREATE ROLE maker; CREATE ROLE shop_owner; CREATE ROLE bob");
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(async () => {
    role = `Role "${++count}"`;
    await admin.query(`CREATE ROLE ${quoted(role)} LOGIN PASSWORD 'admin'`);
  });
  afterEach(async () => {
    await admin.query(`DROP OWNED BY ${quoted(role)} CASCADE; DROP ROLE ${quoted(role)}`);
  });

  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const inputs = (access: Inputs["access"], more: Partial<Inputs> = {}): Inputs => ({
    role,
    database: "shop",
    access,
    schemas: ["app", odd],
    creators: ["shop_owner"],
    before: [],
    ...more,
  });
  const changesOf = async (wanted: Inputs, previous?: Inputs) => (await resource.plan(wanted, previous, {})).changes;
  const apply = (wanted: Inputs, previous?: Inputs) => resource.apply(wanted, previous, testCall());
  /** All privileges that were granted to the role by name, from the catalog. */
  const held = async (name = role) => {
    const { rows } = await admin.query<{ line: string }>(
      `SELECT format('%s %s', what, privilege_type) AS line FROM (
         SELECT c.oid::regclass::text AS what, a.* FROM pg_class c, aclexplode(c.relacl) a
         UNION ALL SELECT p.oid::regprocedure::text, a.* FROM pg_proc p, aclexplode(p.proacl) a
         UNION ALL SELECT 'type ' || t.oid::regtype, a.* FROM pg_type t, aclexplode(t.typacl) a
         UNION ALL SELECT 'schema ' || n.nspname, a.* FROM pg_namespace n, aclexplode(n.nspacl) a
         UNION ALL SELECT 'database ' || d.datname, a.* FROM pg_database d, aclexplode(d.datacl) a
         UNION ALL SELECT format('default of %s in %s on %s', d.defaclrole::regrole, n.nspname, d.defaclobjtype), a.*
           FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
       ) held WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = $1)`,
      [name],
    );
    return rows.map(({ line }) => line).sort();
  };

  test("a reader gets exactly the contract's privileges on every kind of object", async () => {
    await apply(inputs("reader", { schemas: ["app"], creators: [] }));
    expect(await held()).toEqual([
      "app.a_matview SELECT",
      "app.a_view SELECT",
      "app.f(integer,app.mood) EXECUTE",
      "app.f(text[]) EXECUTE",
      "app.free_seq SELECT",
      "app.median(double precision,anyelement) EXECUTE",
      "app.p(integer) EXECUTE",
      "app.parted SELECT",
      "app.parted_1 SELECT",
      "app.plain SELECT",
      "app.plain_id_seq SELECT",
      "app.remote SELECT",
      "app.span(integer,integer) EXECUTE",
      "app.span(integer,integer,text) EXECUTE",
      "app.span_multirange() EXECUTE",
      "app.span_multirange(app.span) EXECUTE",
      "app.span_multirange(app.span[]) EXECUTE",
      "app.total() EXECUTE",
      "database shop CONNECT",
      "default of postgres in app on S SELECT",
      "default of postgres in app on T USAGE",
      "default of postgres in app on r SELECT",
      "schema app USAGE",
      "type app.mood USAGE",
      "type app.pair USAGE",
      "type app.span USAGE",
      "type app.word USAGE",
    ]);
  });

  test("a grant that would make an access control list too large is refused with the size, before anything is granted", async () => {
    await admin.query(`CREATE SCHEMA wide; CREATE TABLE wide.t ()`);
    await admin.query(`DO $$ BEGIN FOR i IN 1..2200 LOOP EXECUTE format('CREATE ROLE wide_%s', i); END LOOP; END $$`);
    await admin.query(
      `DO $$ BEGIN FOR i IN 1..2200 LOOP EXECUTE format('GRANT SELECT ON wide.t TO wide_%s', i); END LOOP; END $$`,
    );
    const { failures } = await resource.plan(inputs("reader", { schemas: ["wide"], creators: [] }), undefined, {});
    expect(failures?.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(
        /^wide\.t: its access control list would have 220\d entries, about 7\d\d\d bytes.*group role/,
      ),
    ]);
    await admin.query(
      `DROP SCHEMA wide CASCADE; DO $$ BEGIN FOR i IN 1..2200 LOOP EXECUTE format('DROP ROLE wide_%s', i); END LOOP; END $$`,
    );
  });

  test("a writer gets exactly the contract's privileges on every kind of object", async () => {
    await apply(inputs("writer", { schemas: ["app"], creators: [] }));
    const all = ["DELETE", "INSERT", "SELECT", "UPDATE"];
    expect((await held()).filter((line) => !/EXECUTE|^type /.test(line))).toEqual([
      "app.a_matview SELECT",
      ...all.map((privilege) => `app.a_view ${privilege}`),
      "app.free_seq SELECT",
      "app.free_seq USAGE",
      ...["parted", "parted_1", "plain"]
        .flatMap((table) => all.map((privilege) => `app.${table} ${privilege}`))
        .slice(0, 12),
      "app.plain_id_seq SELECT",
      "app.plain_id_seq USAGE",
      ...all.map((privilege) => `app.remote ${privilege}`),
      "database shop CONNECT",
      "database shop TEMPORARY",
      "default of postgres in app on S SELECT",
      "default of postgres in app on S USAGE",
      "default of postgres in app on T USAGE",
      ...all.map((privilege) => `default of postgres in app on r ${privilege}`),
      "schema app USAGE",
    ]);
    expect(await held()).toContain("app.as_owner() EXECUTE");
    expect(await held()).toContain("default of postgres in app on f EXECUTE");
  });

  test("an owner gets the schemas and the database, and no default privileges", async () => {
    await apply(inputs("owner"));
    expect(await held()).toEqual([
      "database shop CONNECT",
      "database shop CREATE",
      "database shop TEMPORARY",
      `schema ${odd} CREATE`,
      `schema ${odd} USAGE`,
      "schema app CREATE",
      "schema app USAGE",
    ]);
  });

  test("names with quotes, dots, backslashes and SQL work, and the plan quotes them as Postgres does", async () => {
    const changes = await changesOf(inputs("writer", { schemas: [odd] }));
    expect(Object.keys(changes).filter((key) => key.includes("Odd"))).toEqual([
      `"Odd "" schema"."Robert'); DROP TABLE app.plain;--"`,
      `"Odd "" schema"."back\\slash.and.dots, ünïcödé"`,
      `function "Odd "" schema"."select"(integer,app.pair)`,
      `schema "Odd "" schema"`,
      `type "Odd "" schema"."Kind 'of'"`,
      `default privileges of postgres in ${odd}`,
      `default privileges of shop_owner in ${odd}`,
    ]);
    await apply(inputs("writer", { schemas: [odd] }));
    expect(await changesOf(inputs("writer", { schemas: [odd] }))).toEqual({});
    await admin.query("SELECT FROM app.plain");
  });

  test("a second up changes nothing, and a grant that was revoked by hand is planned and granted again", async () => {
    await apply(inputs("writer"));
    expect(await changesOf(inputs("writer"), inputs("writer"))).toEqual({});
    const before = await held();
    await admin.query(`REVOKE INSERT, UPDATE ON app.plain FROM ${quoted(role)}`);
    await admin.query(`REVOKE EXECUTE ON PROCEDURE app.p(integer) FROM ${quoted(role)}`);
    await admin.query(
      `ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA app REVOKE DELETE ON TABLES FROM ${quoted(role)}`,
    );
    expect(await changesOf(inputs("writer"), inputs("writer"))).toEqual({
      "app.plain": "grant INSERT, UPDATE",
      "procedure app.p(integer)": "grant EXECUTE",
      "default privileges of shop_owner in app": "grant DELETE on tables",
    });
    await apply(inputs("writer"), inputs("writer"));
    expect(await held()).toEqual(before);
  });

  test("the summary counts the privileges and names the missing ones", async () => {
    await apply(inputs("reader", { schemas: ["app"] }));
    await admin.query(`REVOKE SELECT ON app.plain, app.remote FROM ${quoted(role)}`);
    const wanted = inputs("reader", { schemas: ["app"] });
    await resource.plan(wanted, wanted, {});
    expect(resource.summarize(wanted, {})).toBe(
      `${role}: SELECT on 8 relations, 2 missing: app.plain, app.remote; EXECUTE on 10 routines; USAGE on 4 types; ` +
        "USAGE on 1 schema; CONNECT on the database; default privileges of postgres; default privileges of shop_owner",
    );
    expect(await apply(wanted, wanted)).toContain("SELECT on 8 relations, 2 granted: app.plain, app.remote;");
    expect(await apply(wanted, wanted)).toBeUndefined();
  });

  test("the role can use objects that the creators and current owners create later", async () => {
    await admin.query("GRANT USAGE, CREATE ON SCHEMA app TO shop_owner, maker; CREATE TABLE app.makers (id int)");
    await admin.query("ALTER TABLE app.makers OWNER TO maker");
    try {
      await apply(inputs("reader"));
      await admin.query(
        "SET ROLE shop_owner; CREATE TABLE app.later_1 (id int); SET ROLE maker; CREATE TABLE app.later_2 (id int)",
      );
      await admin.query("RESET ROLE; CREATE TABLE app.later_3 (id int)");
      const reader = await postgres.connect({ user: role, password: "admin", database: "shop" });
      for (const table of ["later_1", "later_2", "later_3"]) await reader.query(`SELECT * FROM app.${table}`);
      await expect(reader.query("INSERT INTO app.later_1 VALUES (1)")).rejects.toThrow("permission denied");
      await reader.end();
    } finally {
      await admin.query("RESET ROLE; DROP TABLE app.makers, app.later_1, app.later_2, app.later_3");
      await admin.query("REVOKE USAGE, CREATE ON SCHEMA app FROM shop_owner, maker");
    }
  });

  test("a creator that no longer owns objects is not a change, and remove revokes its default privileges", async () => {
    await admin.query("GRANT USAGE, CREATE ON SCHEMA app TO maker; CREATE TABLE app.makers (id int)");
    await admin.query("ALTER TABLE app.makers OWNER TO maker");
    await apply(inputs("reader"));
    await admin.query("DROP TABLE app.makers; REVOKE USAGE, CREATE ON SCHEMA app FROM maker");
    const plan = await resource.plan(inputs("reader"), inputs("reader"), {});
    expect(plan.changes).toEqual({});
    expect(plan.warnings).toEqual([]);
    expect(await held()).toContain("default of maker in app on r SELECT");
    await resource.remove(inputs("reader"), testCall());
    expect(await held()).toEqual([]);
  });

  test("a lower access level revokes the privileges of the higher one", async () => {
    await apply(inputs("reader"));
    const reader = await held();
    await apply(inputs("writer"), inputs("reader"));
    const changes = await changesOf(inputs("reader"), inputs("writer"));
    expect(changes["app.plain"]).toBe("revoke INSERT, UPDATE, DELETE");
    expect(changes["app.plain_id_seq"]).toBe("revoke USAGE");
    expect(changes["function app.as_owner()"]).toBe("revoke EXECUTE");
    expect(changes["database shop"]).toBe("revoke TEMPORARY");
    expect(changes["default privileges of postgres in app"]).toBe(
      "revoke INSERT, UPDATE, DELETE on tables, USAGE on sequences, EXECUTE on functions",
    );
    await apply(inputs("reader"), inputs("writer"));
    expect(await held()).toEqual(reader);
  });

  test("privileges of a schema and a creator that are no longer declared are revoked", async () => {
    const wide = inputs("reader", { creators: ["shop_owner", "maker"] });
    await apply(inputs("reader", { schemas: ["app"], creators: ["shop_owner"] }));
    const narrow = await held();
    await apply(wide, inputs("reader", { schemas: ["app"], creators: ["shop_owner"] }));
    expect(await held()).not.toEqual(narrow);
    await apply(inputs("reader", { schemas: ["app"], creators: ["shop_owner"] }), wide);
    expect(await held()).toEqual(narrow);
  });

  test("a warning names privileges that were granted by hand, on columns and by other grantors too; they stay", async () => {
    await apply(inputs("reader"));
    await admin.query(`GRANT TRUNCATE ON app.plain TO ${quoted(role)}`);
    await admin.query(`GRANT UPDATE (secret) ON app.plain TO ${quoted(role)}`);
    await admin.query("GRANT INSERT ON app.parted TO bob WITH GRANT OPTION; GRANT USAGE ON SCHEMA app TO bob");
    await admin.query(`SET ROLE bob; GRANT INSERT ON app.parted TO ${quoted(role)}; RESET ROLE`);
    const before = await held();
    const plan = await resource.plan(inputs("reader"), inputs("reader"), {});
    expect(plan.changes).toEqual({});
    expect(plan.warnings).toEqual([
      `${role} holds privileges granted by hand, beyond reader; they stay: INSERT on app.parted, TRUNCATE on app.plain, UPDATE on column secret of app.plain`,
    ]);
    await apply(inputs("reader"), inputs("reader"));
    expect(await held()).toEqual(before);
    const call = testCall();
    await resource.remove(inputs("reader"), call);
    expect(await held()).toEqual(["app.parted INSERT", "app.plain TRUNCATE"]);
    expect((await resource.plan(inputs("owner"), undefined, {})).warnings?.join()).toContain("UPDATE on column secret");
    expect(call.lines.at(-1)).toContain(
      "INSERT on app.parted, TRUNCATE on app.plain, UPDATE on column secret of app.plain",
    );
    await admin.query("REVOKE INSERT ON app.parted FROM bob CASCADE; REVOKE USAGE ON SCHEMA app FROM bob");
  });

  test("privileges that another role granted are revoked as that role", async () => {
    await admin.query("GRANT INSERT ON app.parted TO bob WITH GRANT OPTION; GRANT USAGE ON SCHEMA app TO bob");
    await admin.query(`SET ROLE bob; GRANT INSERT ON app.parted TO ${quoted(role)}; RESET ROLE`);
    await apply(inputs("writer"));
    await resource.remove(inputs("writer"), testCall());
    expect(await held()).toEqual([]);
    await admin.query("REVOKE INSERT ON app.parted FROM bob; REVOKE USAGE ON SCHEMA app FROM bob");
  });

  test("remove restores the database and keeps the privileges of the baseline", async () => {
    await admin.query(`GRANT SELECT ON app.plain TO ${quoted(role)}; GRANT USAGE ON SCHEMA app TO ${quoted(role)}`);
    const before = await observe(admin);
    const wanted = inputs("writer", {
      before: [
        { object: "app.plain", privilege: "SELECT", grantable: false },
        { object: "schema app", privilege: "USAGE", grantable: false },
      ],
    });
    expect((await resource.plan(wanted, undefined, {})).warnings).toEqual([]);
    await apply(wanted);
    await resource.remove(wanted, testCall());
    expect(await held()).toEqual(["app.plain SELECT", "schema app USAGE"]);
    expect(await observe(admin)).toEqual(before);
    await resource.remove(wanted, testCall());
  });

  test("remove keeps exactly an existing role's privileges in the baseline, on columns and by default too", async () => {
    await admin.query(
      `GRANT SELECT, TRUNCATE ON app.plain TO ${quoted(role)}; GRANT UPDATE (secret) ON app.plain TO ${quoted(role)};
       GRANT EXECUTE ON PROCEDURE app.p TO ${quoted(role)} WITH GRANT OPTION; GRANT CONNECT ON DATABASE shop TO ${quoted(role)};
       ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO ${quoted(role)}`,
    );
    const before = await observe(admin);
    const scope = { schemas: ["app", odd], outside: [], roles: [role] };
    const snapshot = await server.session("shop", (db) => readSnapshot(db, "shop", scope));
    const wanted = inputs("writer", { before: heldBefore(snapshot, role) });
    expect((await resource.plan(wanted, undefined, {})).warnings).toEqual([]);
    await apply(wanted);
    await resource.remove(wanted, testCall());
    expect(await observe(admin)).toEqual(before);
    expect(heldBefore({ ...snapshot, roles: { [role]: null } }, role)).toEqual([]);
  });

  test("a lower access level keeps column privileges that were granted by hand", async () => {
    await apply(inputs("writer"));
    await admin.query(`GRANT UPDATE (secret, id) ON app.plain TO ${quoted(role)} WITH GRANT OPTION`);
    const columns = async () => (await observe(admin)).column;
    const before = await columns();
    await apply(inputs("reader"), inputs("writer"));
    expect(before).toHaveLength(2);
    expect(await columns()).toEqual(before);
  });

  test("two concurrent ups wait for each other", async () => {
    const other = new Server(postgres.address);
    const wanted = inputs("writer");
    const lines = await Promise.all([
      resource.apply(wanted, undefined, testCall()),
      privileges(other).apply(wanted, undefined, testCall()),
    ]);
    await other.close();
    expect(lines.filter((line) => line?.includes("all granted"))).toHaveLength(1);
    expect(await changesOf(wanted)).toEqual({});
  });

  test("remove is refused while the role has a session in the database, before anything is changed", async () => {
    await apply(inputs("reader"));
    const before = await held();
    const session = await postgres.connect({ user: role, password: "admin", database: "shop" });
    await session.query("SET application_name = 'dashboard_api'");
    await expect(resource.remove(inputs("reader"), testCall())).rejects.toThrow(
      /1 session \(dashboard_api 1\).*connectAs: legacy/s,
    );
    expect(await held()).toEqual(before);
    await session.end();
    await expect
      .poll(async () => (await admin.query("SELECT FROM pg_stat_activity WHERE usename = $1", [role])).rows)
      .toEqual([]);
    await resource.remove(inputs("reader"), testCall());
  });

  test("remove succeeds when the role, a schema or the database does not exist", async () => {
    await resource.remove({ ...inputs("reader"), role: "nobody_at_all" }, testCall());
    await resource.remove(inputs("reader", { database: "gone" }), testCall());
    await apply(inputs("reader"));
    await resource.remove(inputs("reader", { schemas: ["app", odd, "gone"] }), testCall());
    expect(await held()).toEqual([]);
  });

  test("objects of the role need no grant, and its own entries are no warning", async () => {
    await admin.query(`CREATE TABLE app.mine (id int); ALTER TABLE app.mine OWNER TO ${quoted(role)}`);
    const plan = await resource.plan(inputs("reader"), undefined, {});
    expect(plan.changes).not.toHaveProperty(["app.mine"]);
    expect(plan.changes).not.toHaveProperty([`default privileges of ${role} in app`]);
    expect(plan.warnings).toEqual([]);
  });

  test("members of an extension are left alone", async () => {
    await admin.query("CREATE EXTENSION pgcrypto SCHEMA app");
    const changes = await changesOf(inputs("writer"));
    await admin.query("DROP EXTENSION pgcrypto");
    expect(Object.keys(changes).filter((key) => key.includes("digest"))).toEqual([]);
  });

  test("a plan works before the role exists; apply names the missing roles", async () => {
    const wanted = { ...inputs("reader"), role: "not_yet", creators: ["shop_owner", "not_yet_either"] };
    const changes = await changesOf(wanted);
    expect(changes["app.plain"]).toBe("grant SELECT");
    expect(changes["default privileges of not_yet_either in app"]).toBe(
      "grant SELECT on tables, SELECT on sequences, USAGE on types",
    );
    await expect(apply(wanted)).rejects.toThrow("there is no role not_yet, not_yet_either");
  });

  test("without the baseline no privilege counts as granted by hand", async () => {
    await admin.query(`GRANT TRUNCATE ON app.plain TO ${quoted(role)}`);
    const plan = await resource.plan(inputs("reader", { before: unknown }), undefined, {});
    expect(plan.warnings).toEqual([]);
    expect(plan.changes["app.plain"]).toBe("grant SELECT");
  });

  test("a missing schema or database is refused with the existing ones", async () => {
    expect((await resource.plan(inputs("reader", { schemas: ["app", "tickts"] }), undefined, {})).failures).toEqual([
      { property: "schemas[1]", reason: `database shop has no schema tickts; it has ${odd}, app, public` },
    ]);
    expect((await resource.plan(inputs("reader", { database: "shp" }), undefined, {})).failures).toEqual([
      { property: "database", reason: "the server has no database shp; it has postgres, shop" },
    ]);
  });

  test("the plan takes no lock that an ALTER TABLE waits for, and waits for none", async () => {
    await admin.query("BEGIN; LOCK TABLE app.plain, app.parted IN ACCESS EXCLUSIVE MODE");
    expect((await changesOf(inputs("writer")))["app.plain"]).toBe("grant SELECT, INSERT, UPDATE, DELETE");
    await admin.query("ROLLBACK");
  });

  test("a failing statement rolls back all of them; the error has the SQLSTATE and the next step", async () => {
    await admin.query(
      `CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
       $$ BEGIN IF tg_tag = 'ALTER DEFAULT PRIVILEGES' THEN RAISE 'not today' USING ERRCODE = '42501'; END IF; END $$;
       CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()`,
    );
    await expect(apply(inputs("reader"))).rejects.toThrow(
      /cannot grant SELECT on default privileges of .* in shop: not today \(42501\)\. The admin/s,
    );
    await admin.query("DROP EVENT TRIGGER refuse; DROP FUNCTION refuse()");
    expect(await held()).toEqual([]);
  });

  test("a concurrent change of the same objects is waited for and the statement is retried", async () => {
    const other = await postgres.connect({ database: "shop" });
    await other.query("BEGIN; GRANT SELECT ON app.plain TO bob");
    const call = testCall();
    const applied = resource.apply(inputs("reader"), undefined, call);
    await expect
      .poll(async () => (await admin.query("SELECT FROM pg_locks WHERE NOT granted")).rows.length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    await other.query("COMMIT");
    await applied;
    expect(call.lines.filter((line) => line.includes("retried, changed by another session"))).not.toEqual([]);
    expect(await changesOf(inputs("reader"))).toEqual({});
    await admin.query("REVOKE SELECT ON app.plain FROM bob");
  });

  test("an admin that cannot grant a privilege gets an error, and nothing is changed", async () => {
    await admin.query("CREATE ROLE weak LOGIN PASSWORD 'admin'; GRANT USAGE ON SCHEMA app TO weak");
    const weak = new Server({ ...postgres.address, user: "weak", password: "admin" });
    await expect(privileges(weak).apply(inputs("owner", { schemas: ["app"] }), undefined, testCall())).rejects.toThrow(
      /database shop: weak cannot grant .* a superuser\..*schema app: weak cannot grant .*Nothing was changed/s,
    );
    await weak.close();
    expect(await held()).toEqual([]);
    await admin.query("DROP OWNED BY weak CASCADE; DROP ROLE weak");
  });
});
