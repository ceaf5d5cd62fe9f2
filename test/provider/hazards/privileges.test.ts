import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { type HazardEstate, startEstate } from "./estate.ts";

describe.each(availableVersions())("PostgreSQL %i", (version) => {
  let estate: HazardEstate;
  beforeAll(async () => {
    estate = await startEstate(version);
  });
  afterAll(() => estate.stop());

  const reader = () => estate.ofPrivileges("shop_reader");
  const writer = () => estate.ofPrivileges("shop_writer", { access: "writer" });

  describe("row level security", () => {
    beforeEach(() => estate.reset());

    test("that binds the role and not the legacy user", async () => {
      await estate.sql("CREATE TABLE app.a (id int); ALTER TABLE app.a ENABLE ROW LEVEL SECURITY");
      expect(await reader()).toEqual([
        expect.stringMatching(
          /^app\.a: .*holds for shop_reader, and did not for postgres: .* no rows at all.*CREATE POLICY/,
        ),
      ]);
      expect(await estate.ofPrivileges("shop_reader", { legacyUsers: [] })).toEqual([]);
      expect(await estate.ofPrivileges("shop_reader", { legacyUsers: ["etl"] })).toEqual([]);
      await estate.sql("ALTER TABLE app.a DISABLE ROW LEVEL SECURITY");
      expect(await reader()).toEqual([]);
    });

    test("is silent once a policy lets all rows pass or names the role", async () => {
      await estate.sql(`
        CREATE TABLE app.a (tenant text); ALTER TABLE app.a ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON app.a USING (tenant = current_user);
      `);
      expect(await reader()).toEqual([expect.stringContaining("only the rows that own lets through")]);
      await estate.sql("CREATE POLICY everything ON app.a FOR SELECT USING (true)");
      expect(await reader()).toEqual([]);
      expect(await writer()).toHaveLength(1);
      await estate.sql("CREATE POLICY but ON app.a AS RESTRICTIVE USING (tenant <> 'x')");
      expect(await reader()).toHaveLength(1);
      await estate.sql("CREATE ROLE shop_reader; CREATE POLICY hers ON app.a TO shop_reader USING (tenant <> 'y')");
      expect(await reader()).toEqual([]);
    });

    test("binds an owner among the legacy users only when it is forced", async () => {
      await estate.sql(`
        SET ROLE etl; CREATE TABLE app.a (id int); ALTER TABLE app.a ENABLE ROW LEVEL SECURITY; RESET ROLE`);
      const fromEtl = () => estate.ofPrivileges("shop_reader", { legacyUsers: ["etl"] });
      expect(await fromEtl()).toEqual([expect.stringContaining("did not for etl")]);
      await estate.sql("ALTER TABLE app.a FORCE ROW LEVEL SECURITY");
      expect(await fromEtl()).toEqual([]);
    });
  });

  describe("views", () => {
    beforeEach(() => estate.reset());

    test("that call what their reader may not", async () => {
      await estate.sql(`
        CREATE FUNCTION app.lookup() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        CREATE FUNCTION app.plain() RETURNS int LANGUAGE sql AS 'SELECT 1';
        REVOKE EXECUTE ON FUNCTION app.lookup, app.plain FROM PUBLIC;
        CREATE VIEW app.below AS SELECT app.lookup(), app.plain();
        CREATE VIEW app.above AS SELECT * FROM app.below;
        CREATE MATERIALIZED VIEW app.stored AS SELECT app.lookup();
        CREATE VIEW app.of_stored AS SELECT * FROM app.stored;
      `);
      expect(await reader()).toEqual([
        expect.stringMatching(/^app\.above, app\.below: .*function app\.lookup\(\), which shop_reader may not/),
      ]);
      expect(await writer()).toEqual([]);
      await estate.sql("CREATE ROLE shop_reader; GRANT EXECUTE ON ROUTINE app.lookup() TO shop_reader");
      expect((await reader()).filter((line) => line.includes("it calls"))).toEqual([]);
    });

    test.runIf(version >= 15)("that read with the rights of their reader", async () => {
      await estate.sql(`
        CREATE VIEW app.inside WITH (security_invoker) AS SELECT id FROM app.orders;
        CREATE VIEW app.outside WITH (security_invoker) AS SELECT id FROM outside.invoices;
      `);
      expect(await reader()).toEqual([
        expect.stringMatching(/^app\.outside: it reads outside\.invoices with the rights of its reader/),
      ]);
      await estate.sql("CREATE ROLE shop_reader; GRANT SELECT (id) ON outside.invoices TO shop_reader");
      expect(await reader()).toEqual([]);
    });
  });

  describe("routines that do what only a superuser may, by their text", () => {
    beforeAll(() => estate.reset());

    const body = (text: string) =>
      estate.sql(`CREATE OR REPLACE FUNCTION app.f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN ${text} END $f$`);

    test.each([
      ["COPY ... PROGRAM", "COPY app.orders TO PROGRAM 'gzip > /tmp/x';"],
      ["COPY ... PROGRAM", "EXECUTE 'COPY (SELECT 1; ) TO PROGRAM ' || quote_literal('x');".replace("; )", ")")],
      ["COPY FROM a file", "EXECUTE 'COPY ' || quote_ident('orders') || ' FROM ' || quote_literal('/x');"],
      ["COPY FROM a file", "COPY app.\"orders\" (id) FROM '/x' CSV;"],
      ["COPY TO a file", "EXECUTE format('copy %I.%I to %L', 'app', 'orders', '/x');"],
      ["pg_read_file()", "PERFORM pg_catalog.pg_read_file('x');"],
      ["lo_import()", "PERFORM lo_import ('x');"],
      ["ALTER SYSTEM", "EXECUTE 'ALTER SYSTEM SET work_mem = 1000';"],
      ["pg_reload_conf()", "PERFORM pg_reload_conf();"],
      ["SET session_replication_role", "SET LOCAL session_replication_role = replica;"],
      ["SET log_statement", "PERFORM set_config('log_statement', 'all', true);"],
      ["dblink, which wants a password", "PERFORM dblink_connect('dbname=x');"],
      ["CREATE, ALTER or DROP ROLE", "EXECUTE format('CREATE ROLE %I', 'x');"],
      ["pg_terminate_backend()", "PERFORM pg_terminate_backend(1);"],
      ["CREATE DATABASE", "EXECUTE 'create database x';"],
      ["DISABLE TRIGGER ALL", "ALTER TABLE app.orders DISABLE TRIGGER ALL;"],
    ])("%s", async (what, text) => {
      await body(text);
      const lines = await reader();
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/^function app\.f\(\): going by its text it uses /);
      expect(lines[0]).toContain(what);
    });

    test.each([
      "-- COPY app.orders TO PROGRAM 'x'\nNULL;",
      "/* pg_read_file('x') */ NULL;",
      "INSERT INTO app.orders SELECT id FROM app.orders; PERFORM 'a copy of it' || substring('x' from 'y');",
      "SET LOCAL work_mem = '1MB'; PERFORM set_config('search_path', 'app', true);",
      "PERFORM pg_advisory_lock(1), pg_size_pretty(1::bigint);",
      "CREATE TEMP TABLE role_user (id int); COMMENT ON TABLE app.orders IS 'users created';",
    ])("not: %s", async (text) => {
      await body(text);
      expect(await reader()).toEqual([]);
    });
  });

  describe("routines that do what only a superuser may", () => {
    beforeEach(() => estate.reset());

    test("a SET clause counts too, and a role that was given the right is not told", async () => {
      await estate.sql(`
        CREATE FUNCTION app.f() RETURNS void LANGUAGE sql SET log_statement = 'none' AS '';
        CREATE FUNCTION app.g() RETURNS text LANGUAGE sql AS $$ SELECT pg_read_file('x') $$;
      `);
      expect(await reader()).toHaveLength(2);
      await estate.sql("CREATE ROLE shop_reader; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO shop_reader");
      expect(await reader()).toEqual([expect.stringContaining("SET log_statement, a superuser's setting")]);
      if (version < 15) return;
      await estate.sql("GRANT SET ON PARAMETER log_statement TO shop_reader");
      expect(await reader()).toEqual([]);
    });

    test("triggers of the schemas' tables count wherever they lie, other routines elsewhere do not", async () => {
      await estate.sql(`
        CREATE FUNCTION outside.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_ls_dir('x'); RETURN NEW; END $$;
        CREATE FUNCTION outside.other() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_ls_dir('x'); END $$;
      `);
      expect(await writer()).toEqual([]);
      await estate.sql("CREATE TRIGGER fire BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION outside.fire()");
      expect(await writer()).toEqual([expect.stringMatching(/^function outside\.fire\(\): .*pg_ls_dir\(\)/)]);
    });
  });

  describe("pg_hba.conf", () => {
    let file: string;
    let original: string;
    beforeAll(async () => {
      await estate.reset();
      const db = await estate.postgres.connect();
      const { rows } = await db.query<{ hba_file: string }>("SHOW hba_file");
      file = (rows[0] as { hba_file: string }).hba_file;
      original = await readFile(file, "utf8");
    });
    // The server goes by what it has read at its start; the view reads the file.
    const linesOf = async (lines: string[], more: object = {}) => {
      await writeFile(file, lines.join("\n"));
      try {
        return await estate.ofPrivileges("shop_reader", more);
      } finally {
        await writeFile(file, original);
      }
    };

    test("is asked for the login roles of one that does not log in itself", async () => {
      const logins = ["shop_reader_a", "shop_reader_b"];
      const lines = ["host all postgres 0.0.0.0/0 md5", "host all shop_reader_a,shop_reader 0.0.0.0/0 md5"];
      expect(await linesOf(lines, { logins })).toEqual([expect.stringContaining("shop_reader_b")]);
    });

    test.each<[string[]]>([
      [["local all all peer", "host all all 127.0.0.1/32 scram-sha-256"]],
      [["host all postgres 10.1.0.0/16 md5", "host all +readers 0.0.0.0/0 reject", "host all all 10.0.0.0/8 md5"]],
      [
        [
          "host shop postgres all md5",
          "host sameuser all all md5",
          "host all shop_reader 0.0.0.0/0 md5",
          "host all all ::/0 password",
        ],
      ],
      [["host other postgres all md5"]],
      [["host all postgres 10.0.0.0/8 reject", "host all postgres 10.1.0.0/16 md5"]],
      [["hostssl all postgres all md5"]],
      [["host all postgres db.internal md5", "host all shop_reader db.internal md5"]],
    ])("lets it in where the legacy user gets in: %j", async (lines) => {
      expect(await linesOf(lines)).toEqual([]);
    });

    test.each<[string[], RegExp]>([
      [
        ["host all postgres 10.1.0.0/16 md5", "host all all 127.0.0.1/32 md5"],
        /line 1 lets postgres in from 10\.1\.0\.0\/16, but no line lets shop_reader in from there/,
      ],
      [["host shop postgres all md5", "host all all 0.0.0.0/0 md5"], /from ::\/0, but no line/],
      [["host all postgres 10.0.0.0/8 md5", "host all shop_reader all reject"], /line 2 \(reject\) does not let/],
      [["host all postgres 10.0.0.0/8 md5", "host all all 10.0.0.0/9 md5"], /from 10\.0\.0\.0\/8, but no line/],
      [["host all all fe80::/10 ident"], /^login of shop_reader to shop: .*line 1 \(ident\) does not/],
      [["host all postgres 10.0.0.0 255.0.0.0 md5", "host all all 10.0.0.0/8 ident"], /line 2 \(ident\)/],
      [["hostnossl all postgres 10.0.0.0/8 md5", "hostssl all all all md5"], /but no line/],
      [
        ["host all +all_of_them all md5", "host all postgres samenet md5"],
        /from samenet, but no line.*host shop shop_reader ADDRESS scram-sha-256/,
      ],
    ])("does not: %j", async (lines, told) => {
      const found = await linesOf(lines);
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(told);
    });

    test("groups are those the role is a member of, inheriting or not", async () => {
      const lines = ["host all postgres 10.0.0.0/8 md5", "host all +readers 10.0.0.0/8 md5"];
      expect(await linesOf(lines)).toHaveLength(1);
      await estate.sql("CREATE ROLE readers; CREATE ROLE shop_reader NOINHERIT; GRANT readers TO shop_reader");
      expect(await linesOf(lines)).toEqual([]);
    });

    test("without a legacy user: whether it gets in over the network at all", async () => {
      expect(await linesOf(["local all all trust", "host all all 10.0.0.0/8 md5"], { legacyUsers: [] })).toEqual([]);
      expect(await linesOf(["local all all trust", "host all all all peer_is_no_word"], { legacyUsers: [] })).toEqual([
        expect.stringContaining("no line of pg_hba.conf lets it in over the network"),
      ]);
    });

    test.runIf(version >= 16)("regular expressions", async () => {
      const lines = (expression: string) => [
        "host all postgres 10.0.0.0/8 md5",
        `host all ${expression} 10.0.0.0/8 md5`,
      ];
      expect(await linesOf(lines("/^shop_"))).toEqual([]);
      expect(await linesOf(lines("/^other_"))).toHaveLength(1);
    });
  });
});
