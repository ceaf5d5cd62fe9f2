import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { startEstate, type WarnedEstate } from "./estate.ts";

describe.each(availableVersions())("PostgreSQL %i", (version) => {
  let estate: WarnedEstate;
  beforeAll(async () => {
    estate = await startEstate(version);
  });
  beforeEach(async () => {
    await estate.reset();
    await estate.sql("ALTER TABLE outside.invoices OWNER TO etl");
  });
  afterAll(() => estate.stop());

  test("tables of the legacy user that no role of the stack can read", async () => {
    expect(await estate.ofDatabase()).toEqual([]);
    await estate.sql(`
      CREATE TABLE public.customers (id int); CREATE TABLE public.parts (id int) PARTITION BY LIST (id);
      CREATE TABLE public.part_1 PARTITION OF public.parts FOR VALUES IN (1); CREATE TABLE public.schema_migrations (v text);
    `);
    expect(await estate.ofDatabase()).toEqual([
      expect.stringMatching(
        /^public\.customers, public\.parts: belongs to postgres .*outside the schemas of shop.*databases\.shop\.schemas/,
      ),
    ]);
    expect(await estate.ofDatabase({ schemas: ["app", "public"] })).toEqual([]);
    expect(await estate.ofDatabase({ alsoOwn: ["public.customers", "public.parts"] })).toEqual([]);
    expect(await estate.ofDatabase({ legacyUsers: [] })).toEqual([]);
    await estate.sql("CREATE ROLE shop_owner; GRANT SELECT ON public.customers, public.parts TO shop_owner");
    expect(await estate.ofDatabase()).toEqual([]);
  });

  test("publications and event triggers keep their owner", async () => {
    await estate.sql(`
      CREATE PUBLICATION changes FOR TABLE app.orders;
      CREATE FUNCTION outside.note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
      CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION outside.note();
    `);
    expect(await estate.ofDatabase()).toEqual([
      expect.stringMatching(/^event trigger note: stays with postgres and also fires for DDL/),
      expect.stringMatching(/^publication changes: stays with postgres: a migration that adds a table/),
    ]);
    await estate.sql("ALTER EVENT TRIGGER note DISABLE; ALTER PUBLICATION changes OWNER TO etl");
    expect(await estate.ofDatabase()).toEqual([]);
  });

  test("foreign servers without a user mapping for the roles", async () => {
    await estate.sql(`
      CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
      CREATE USER MAPPING FOR postgres SERVER s OPTIONS (password 'hunter2');
    `);
    const lines = await estate.ofDatabase();
    expect(lines).toEqual([
      expect.stringMatching(/^foreign server s: has a user mapping for postgres but for no role/),
    ]);
    expect(lines.join()).not.toContain("hunter2");
    await estate.sql("CREATE ROLE shop_owner; CREATE USER MAPPING FOR shop_owner SERVER s");
    expect(await estate.ofDatabase()).toEqual([]);
  });

  test("large objects that no role can read", async () => {
    await estate.sql("SELECT lo_create(4711), lo_create(4712)");
    expect(await estate.ofDatabase()).toEqual([expect.stringMatching(/^2 large objects: stay with postgres: no role/)]);
    await estate.sql("CREATE ROLE shop_owner; GRANT SELECT ON LARGE OBJECT 4711 TO shop_owner");
    expect(await estate.ofDatabase()).toEqual([expect.stringMatching(/^1 large object: stays with postgres/)]);
    await estate.sql("ALTER LARGE OBJECT 4712 OWNER TO shop_owner");
    expect(await estate.ofDatabase()).toEqual([]);
  });

  // pg_cron is not installed here; the table is as in its documentation.
  test("pg_cron jobs keep running as they are", async () => {
    await estate.sql(`
      CREATE SCHEMA cron;
      CREATE TABLE cron.job (jobid bigint, username text, database text, active boolean, jobname name);
      INSERT INTO cron.job VALUES (1, 'postgres', 'shop', true, 'nightly'), (2, 'etl', 'shop', true, NULL),
        (3, 'postgres', 'other', true, NULL), (4, 'postgres', 'shop', false, NULL);
    `);
    expect(await estate.ofServer(["shop"])).toEqual([]);
    await estate.sql("ALTER ROLE postgres SET cron.database_name = 'shop'");
    try {
      expect(await estate.ofServer(["shop"])).toEqual([
        expect.stringMatching(/^cron job 1 \(nightly\): keeps running in shop as postgres/),
      ]);
      await estate.sql("UPDATE cron.job SET username = 'shop_owner' WHERE jobid = 1");
      expect(await estate.ofServer(["shop"])).toEqual([]);
      await estate.sql("ALTER ROLE postgres SET cron.database_name = 'no_such_database'");
      expect(await estate.ofServer(["shop"])).toEqual([]);
    } finally {
      await estate.sql("ALTER ROLE postgres RESET cron.database_name");
    }
  });

  test("undeclared databases that PUBLIC can connect to", async () => {
    await estate.sql("CREATE DATABASE billing");
    expect(await estate.ofServer(["shop"])).toEqual([
      expect.stringMatching(/^database billing: PUBLIC can connect.*REVOKE CONNECT ON DATABASE/),
    ]);
    expect(await estate.ofServer(["shop", "billing"])).toEqual([]);
    await estate.sql("REVOKE CONNECT ON DATABASE billing FROM PUBLIC");
    expect(await estate.ofServer(["shop"])).toEqual([]);
    await estate.sql("DROP DATABASE billing");
  });

  test("declared databases that roles without access can connect to, one warning for each", async () => {
    const roles = ["shop_owner", "it's_b", "not created yet"];
    await estate.sql(`CREATE DATABASE "it's"`);
    await estate.sql(`CREATE ROLE shop_owner LOGIN; CREATE ROLE "it's_b" LOGIN IN ROLE shop_owner`);
    try {
      await estate.sql(`GRANT CONNECT ON DATABASE shop TO shop_owner`);
      expect(await estate.ofServer(["shop", "it's"], roles)).toEqual([
        `database "it's": PUBLIC can connect, and so can it's_b, shop_owner, without access there. Remedy: app-roles:databases.it's.revokeFromPublic: [CONNECT]; or leave it as it is`,
      ]);
      await estate.sql(`REVOKE CONNECT ON DATABASE "it's" FROM PUBLIC`);
      expect(await estate.ofServer(["shop", "it's"], roles)).toEqual([]);
    } finally {
      await estate.sql(`DROP DATABASE "it's"`);
    }
  });
});
