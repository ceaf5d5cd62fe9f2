import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { startEstate, type WarnedEstate } from "./estate.ts";

const createOwner = "CREATE ROLE shop_owner LOGIN; GRANT USAGE, CREATE ON SCHEMA app TO shop_owner";
const about = (lines: string[], object: string) => lines.filter((line) => line.startsWith(object));

describe.each(availableVersions())("PostgreSQL %i", (version) => {
  let estate: WarnedEstate;
  beforeAll(async () => {
    estate = await startEstate(version);
  });
  beforeEach(() => estate.reset());
  afterAll(() => estate.stop());

  test("an estate where nothing breaks has no warning", async () => {
    await estate.sql("CREATE VIEW app.v_orders AS SELECT id FROM app.orders");
    expect(await estate.ofOwnership()).toEqual([]);
  });

  describe("views whose new owner cannot read their relations", () => {
    test("directly, without a warning once SELECT is granted", async () => {
      await estate.sql("CREATE VIEW app.v_invoices AS SELECT id, amount FROM outside.invoices");
      const [line, ...more] = about(await estate.ofOwnership(), "app.v_invoices");
      expect(more).toEqual([]);
      expect(line).toMatch(
        /its owner after the up, shop_owner, cannot read outside\.invoices, so it fails for every role/,
      );
      expect(line).toContain(
        "GRANT SELECT ON outside.invoices TO shop_owner, or keep postgres as the owner of the view",
      );
      expect(await estate.ofOwnership({ keepOwner: { "app.v_invoices": "postgres" } })).toEqual([
        expect.stringMatching(/^app\.v_invoices: stays with postgres/),
      ]);
      expect(about(await estate.ofOwnership({ alsoOwn: ["outside.invoices"] }), "app.v_invoices")).toEqual([]);
      await estate.sql("GRANT SELECT ON outside.invoices TO PUBLIC");
      expect(await estate.ofOwnership()).toEqual([]);
      await estate.sql(
        "REVOKE SELECT ON outside.invoices FROM PUBLIC; GRANT SELECT (id, amount) ON outside.invoices TO PUBLIC",
      );
      expect(await estate.ofOwnership()).toEqual([]);
      await estate.sql("REVOKE SELECT (amount) ON outside.invoices FROM PUBLIC");
      expect(about(await estate.ofOwnership(), "app.v_invoices")).toHaveLength(1);
    });

    test("through a view of another owner, a chain of views, and a materialized view", async () => {
      await estate.sql(`
        CREATE VIEW outside.v_all AS SELECT id FROM outside.invoices;
        CREATE VIEW app.v_top AS SELECT id FROM outside.v_all;
        CREATE MATERIALIZED VIEW app.mv AS SELECT id FROM app.v_top;
      `);
      const lines = await estate.ofOwnership();
      expect(about(lines, "app.v_top")[0]).toContain("cannot read outside.v_all");
      expect(about(lines, "app.mv")).toEqual([]);
      await estate.sql("GRANT SELECT ON outside.v_all TO PUBLIC");
      expect(await estate.ofOwnership()).toEqual([]);
      if (version >= 15) {
        await estate.sql("ALTER VIEW outside.v_all SET (security_invoker = on)");
        expect(about(await estate.ofOwnership(), "app.v_top")[0]).toContain("cannot read outside.invoices");
      }
    });

    test("a materialized view whose new owner cannot call its function", async () => {
      await estate.sql(`
        CREATE FUNCTION outside.tax(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
        REVOKE EXECUTE ON FUNCTION outside.tax FROM PUBLIC;
        CREATE VIEW app.v_tax AS SELECT outside.tax(id) FROM app.orders;
        CREATE MATERIALIZED VIEW app.mv_tax AS SELECT outside.tax(id) FROM app.orders;
      `);
      const lines = await estate.ofOwnership();
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/^app\.mv_tax: .*has no EXECUTE on function outside\.tax\(integer\)/);
      expect(lines[0]).toContain("GRANT EXECUTE ON ROUTINE outside.tax(integer) TO shop_owner");
      await estate.sql("GRANT EXECUTE ON FUNCTION outside.tax TO PUBLIC");
      expect(await estate.ofOwnership()).toEqual([]);
    });
  });

  describe("previous owners", () => {
    beforeEach(() =>
      estate.sql(`
        SET ROLE etl;
        CREATE TABLE app.imports (id int); CREATE VIEW outside.v_imports AS SELECT id FROM app.imports;
        CREATE FUNCTION app.import() RETURNS void LANGUAGE sql AS '';
        RESET ROLE;
        GRANT SELECT ON app.imports TO etl;
      `),
    );

    test("keep their privileges, but not the operations of an owner", async () => {
      expect(await estate.ofOwnership()).toEqual([
        expect.stringMatching(
          /^function app\.import\(\), app\.imports: the previous owner etl keeps its privileges, but only shop_owner can ALTER, DROP and REFRESH it/,
        ),
      ]);
      const kept = { keepOwner: { "app.imports": "etl", "function app.import()": "etl" } };
      expect(await estate.ofOwnership(kept)).toEqual([expect.stringMatching(/^app\.imports: stays with etl/)]);
      await estate.sql(`${createOwner}; GRANT shop_owner TO etl`);
      expect(await estate.ofOwnership()).toEqual([]);
      await estate.sql("REVOKE shop_owner FROM etl; ALTER ROLE etl NOINHERIT; GRANT shop_owner TO etl");
      expect(await estate.ofOwnership()).toHaveLength(1);
    });

    test("are in a warning again when they lose them after the move", async () => {
      await estate.sql(createOwner);
      const former = await estate.move();
      const kept = await estate.ofOwnership({ former });
      expect(kept).toEqual([
        expect.stringMatching(/^function app\.import\(\), app\.imports: the previous owner etl keeps/),
      ]);
      // Once the migration is over the warning is of no use.
      expect(await estate.ofOwnership({ former, legacyUsers: [] })).toEqual([]);
      await estate.sql("REVOKE SELECT ON app.imports FROM etl");
      const lines = await estate.ofOwnership({ former });
      expect(lines).toHaveLength(3);
      expect(about(lines, "app.imports:")[0]).toMatch(/the previous owner etl no longer has SELECT on it/);
      expect(about(lines, "outside.v_imports")[0]).toMatch(/its owner after the up, etl, cannot read app\.imports/);
      await estate.sql("GRANT SELECT ON app.imports TO etl");
      expect(await estate.ofOwnership({ former })).toEqual(kept);
    });

    test("become subject to row level security", async () => {
      await estate.sql("ALTER TABLE app.imports ENABLE ROW LEVEL SECURITY");
      expect(about(await estate.ofOwnership(), "app.imports: row")[0]).toMatch(
        /applies to etl, and did not apply to etl: .*no rows/,
      );
      await estate.sql("CREATE POLICY all_of_it ON app.imports USING (true)");
      expect(about(await estate.ofOwnership(), "app.imports: row")).toEqual([]);
    });
  });

  test("SECURITY DEFINER routines of a superuser, unless it stays their owner", async () => {
    await estate.sql(`
      CREATE FUNCTION app.raise() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO app.orders VALUES (1)';
      CREATE FUNCTION app.plain() RETURNS void LANGUAGE sql AS 'INSERT INTO app.orders VALUES (1)';
    `);
    const lines = await estate.ofOwnership();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^function app\.raise\(\): .*privileges of shop_owner only, no longer with those of the superuser postgres/,
    );
    expect(await estate.ofOwnership({ keepOwner: { "function app.raise()": "postgres" } })).toEqual([]);
    await estate.sql(createOwner);
    const former = await estate.move();
    expect(await estate.ofOwnership({ former })).toEqual(lines);
  });

  test("SECURITY DEFINER routines of another role, unless the new owner inherits its privileges", async () => {
    await estate.sql(`
      SET ROLE etl; CREATE FUNCTION app.load() RETURNS void LANGUAGE sql SECURITY DEFINER AS ''; RESET ROLE;
    `);
    const found = async () =>
      about(await estate.ofOwnership(), "function app.load(): SECURITY DEFINER: with shop_owner as its owner");
    expect(await found()).toHaveLength(1);
    await estate.sql("CREATE ROLE shop_owner; GRANT etl TO shop_owner");
    expect(await found()).toEqual([]);
    await estate.sql("ALTER FUNCTION app.load OWNER TO postgres; GRANT postgres TO shop_owner");
    expect(about(await estate.ofOwnership(), "function app.load()")).toHaveLength(1);
  });

  test("SECURITY DEFINER routines whose source uses something that the new owner cannot do", async () => {
    await estate.sql(`
      CREATE FUNCTION app.export() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN EXECUTE format('COPY app.orders TO %L', '/tmp/orders'); END $$;
      CREATE FUNCTION app.config() RETURNS text LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT pg_read_file('x'); END;
      CREATE FUNCTION app.quiet() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET log_statement = 'none' AS $$
        BEGIN /* COPY app.orders FROM PROGRAM 'x' */ NULL; -- pg_read_file('x')
        END $$;
    `);
    await estate.sql(createOwner);
    await estate.move();
    const lines = await estate.ofOwnership();
    expect(lines).toHaveLength(3);
    expect(about(lines, "function app.export()")[0]).toMatch(
      /its source uses COPY TO a file.*GRANT pg_write_server_files TO shop_owner/,
    );
    expect(about(lines, "function app.config()")[0]).toMatch(
      /uses pg_read_file\(\).*GRANT EXECUTE on it TO shop_owner/,
    );
    expect(about(lines, "function app.quiet()")[0]).toMatch(/uses SET log_statement, a superuser's setting/);
    await estate.sql(
      "GRANT pg_write_server_files TO shop_owner; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO shop_owner",
    );
    if (version >= 15) {
      await estate.sql("GRANT SET ON PARAMETER log_statement TO shop_owner");
      expect(await estate.ofOwnership()).toEqual([]);
    }
  });

  test("row level security that applies to the new owner", async () => {
    await estate.sql(`
      CREATE TABLE app.forced (id int, tenant text); CREATE POLICY mine ON app.forced USING (tenant = current_user);
      ALTER TABLE app.forced ENABLE ROW LEVEL SECURITY;
      CREATE TABLE outside.guarded (id int); GRANT SELECT ON outside.guarded TO PUBLIC;
      ALTER TABLE outside.guarded ENABLE ROW LEVEL SECURITY;
      CREATE VIEW app.v_guarded AS SELECT id FROM outside.guarded;
    `);
    expect(about(await estate.ofOwnership(), "app.forced")).toEqual([]);
    await estate.sql("ALTER TABLE app.forced FORCE ROW LEVEL SECURITY");
    const lines = await estate.ofOwnership();
    expect(about(lines, "app.forced")[0]).toMatch(
      /applies to shop_owner, and did not apply to postgres: shop_owner gets only the rows that mine admits, without an error/,
    );
    expect(about(lines, "app.v_guarded")[0]).toMatch(/reads outside\.guarded as its owner; .* no rows at all/);
    expect(about(await estate.ofOwnership({ legacyUsers: [] }), "app.forced")).toEqual([]);
    await estate.sql(`
      CREATE ROLE shop_owner;
      CREATE POLICY all_of_it ON app.forced TO shop_owner USING (true);
      CREATE POLICY everybody ON outside.guarded USING (true);
    `);
    expect(await estate.ofOwnership()).toEqual([]);
  });

  test("migration ledgers outside the schemas", async () => {
    await estate.sql(`
      CREATE TABLE public.schema_migrations (version text); CREATE TABLE public."__EFMigrationsHistory" (id text);
      CREATE TABLE public.customers (id int); CREATE TABLE app.alembic_version (version_num text);
    `);
    const lines = await estate.ofOwnership();
    expect(lines).toHaveLength(2);
    expect(about(lines, "public.schema_migrations")[0]).toMatch(
      version >= 15
        ? /shop_owner cannot write to it.*alsoOwn: \[public\.schema_migrations\], and app-roles:roles\.shop_owner\.grants\.shop\.schemas: \{public: \[CREATE\]\}$/
        : /shop_owner cannot write to it.*alsoOwn: \[public\.schema_migrations\]$/,
    );
    const quoted = 'public."__EFMigrationsHistory"';
    expect(about(lines, quoted)[0]).toContain(`alsoOwn: [${JSON.stringify(quoted)}]`);
    // Entity Framework checks first; others start with CREATE TABLE IF NOT EXISTS, which needs CREATE anyway.
    const own = { alsoOwn: ["public.schema_migrations", quoted] };
    const uncreated =
      version >= 15
        ? [
            expect.stringMatching(
              /^public\.schema_migrations: .*CREATE TABLE IF NOT EXISTS fails as shop_owner, which has no CREATE on the schema public.*grants\.shop\.schemas: \{public: \[CREATE\]\}$/,
            ),
          ]
        : [];
    expect(await estate.ofOwnership(own)).toEqual(uncreated);
    await estate.sql(
      `CREATE ROLE shop_owner; GRANT INSERT ON public.schema_migrations, public."__EFMigrationsHistory" TO shop_owner`,
    );
    expect(await estate.ofOwnership()).toEqual(uncreated);
    await estate.sql("GRANT CREATE ON SCHEMA public TO shop_owner");
    expect(await estate.ofOwnership()).toEqual([]);
    expect(await estate.ofOwnership(own)).toEqual([]);
    // Postgres's own errors:
    await estate.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC, shop_owner; SET ROLE shop_owner");
    const create = "CREATE TABLE IF NOT EXISTS public.schema_migrations (version text)";
    await expect(estate.sql(create)).rejects.toThrow("permission denied for schema public");
    await estate.sql("RESET ROLE; GRANT CREATE ON SCHEMA public TO shop_owner; SET ROLE shop_owner");
    await estate.sql(`${create}; RESET ROLE`);
  });

  test("an object in another schema on which the owner has no USAGE", async () => {
    expect(await estate.ofOwnership({ alsoOwn: ["outside.invoices"] })).toEqual([
      expect.stringMatching(
        /^outside\.invoices: .*no USAGE on the schema outside.*roles\.shop_owner\.grants\.shop\.schemas: \{outside: \[USAGE\]\}/,
      ),
    ]);
    await estate.sql("CREATE ROLE shop_owner; GRANT USAGE ON SCHEMA outside TO shop_owner");
    expect(await estate.ofOwnership({ alsoOwn: ["outside.invoices"] })).toEqual([]);
  });

  test("partitions and inheritance children in other schemas or of other owners: Postgres refuses statements until the remedy is applied", async () => {
    await estate.sql(`
      CREATE SCHEMA parts; CREATE SCHEMA "Old ""1";
      CREATE TABLE app.ev (id int) PARTITION BY RANGE (id); CREATE TABLE app.ev_0 PARTITION OF app.ev FOR VALUES FROM (0) TO (9);
      CREATE TABLE parts.ev_1 PARTITION OF app.ev FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
      CREATE TABLE parts.ev_1a PARTITION OF parts.ev_1 FOR VALUES FROM (10) TO (12);
      CREATE TABLE "Old ""1"."Heir" () INHERITS (app.orders);
    `);
    const lines = await estate.ofOwnership();
    expect(lines).toEqual([
      expect.stringMatching(
        /^parts\.ev_1, parts\.ev_1a: a partition of app\.ev, .*add parts to app-roles:databases\.shop\.schemas/,
      ),
      expect.stringMatching(
        /^"Old ""1"\."Heir": an inheritance child of app\.orders, .* stays with postgres: ALTER TABLE app\.orders ADD COLUMN/,
      ),
      expect.stringMatching(
        /^schema parts: holds partitions of app\.ev, and shop_owner cannot create objects in it: CREATE INDEX/,
      ),
    ]);
    await estate.sql(createOwner);
    const former = await estate.move();
    expect(await estate.ofOwnership({ former })).toEqual(lines);
    const asOwner = (sql: string) =>
      estate.sql(`SET ROLE shop_owner; ${sql}`).finally(() => estate.sql("ROLLBACK; RESET ROLE"));
    const statements = [
      "ALTER TABLE app.orders ADD c int",
      "ALTER TABLE app.ev ADD c int",
      "CREATE INDEX ON app.ev (id)",
    ];
    await expect(asOwner(statements[0] as string)).rejects.toThrow("must be owner of table Heir");
    await expect(asOwner(statements[1] as string)).rejects.toThrow("must be owner of table ev_1");
    await expect(asOwner(statements[2] as string)).rejects.toThrow(/permission denied for schema parts|must be owner/);

    const remedied = { alsoOwn: ['"Old ""1"."Heir"', "parts.ev_1", "parts.ev_1a"], former };
    await estate.move(remedied);
    expect(await estate.ofOwnership(remedied)).toEqual([
      expect.stringMatching(/no USAGE on the schema/),
      expect.stringMatching(/no USAGE on the schema/),
      expect.stringMatching(/^schema parts: holds partitions .*grants\.shop\.schemas: \{parts: \[USAGE, CREATE\]\}$/),
    ]);
    await expect(asOwner(statements[2] as string)).rejects.toThrow("permission denied for schema parts");
    await estate.sql(`GRANT USAGE, CREATE ON SCHEMA parts, "Old ""1" TO shop_owner`);
    for (const sql of statements) await asOwner(sql);
    expect(await estate.ofOwnership(remedied)).toEqual([]);
  });

  test("relations that stay with another role and that the owner cannot read", async () => {
    await estate.sql(
      "CREATE TABLE app.secret (id int); CREATE VIEW app.open AS SELECT 1; GRANT SELECT ON app.open TO PUBLIC",
    );
    const kept = { keepOwner: { "app.secret": "postgres", "app.open": "postgres" } };
    const [line, ...others] = await estate.ofOwnership(kept);
    expect(line).toMatch(
      /^app\.secret: stays with postgres .*roles\.shop_owner\.grants\.shop\.tables: \{"app\.secret": \[SELECT\]\}/,
    );
    expect(others).toEqual([]);
    const places = { owner: "shop_owner", schemas: ["app"], keepOwner: kept.keepOwner, alsoOwn: [] };
    const roles = { shop_owner: { access: "owner" as const, grants: { tables: { "app.secret": ["SELECT"] } } } };
    expect(await estate.ofOwnership({ ...kept, declared: { ...places, roles } })).toEqual([]);
  });

  test("statements that only the owner of a schema or an extension can run", async () => {
    await estate.sql("CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext");
    expect(await estate.limits()).toEqual([
      expect.stringMatching(
        /^schema app, extension hstore: only postgres or a superuser can run COMMENT ON SCHEMA, ALTER SCHEMA, ALTER EXTENSION \.\.\. UPDATE, CREATE EXTENSION of an untrusted one and ALTER DEFAULT PRIVILEGES FOR ROLE postgres: they fail in a migration that runs as shop_owner/,
      ),
    ]);
    expect(await estate.limits({ legacyUsers: [] })).toEqual([]);
    await estate.sql(`${createOwner}; ALTER SCHEMA app OWNER TO shop_owner; DROP EXTENSION hstore`);
    expect(await estate.limits()).toEqual([]);
  });

  test("no check waits for a lock", async () => {
    await estate.sql(`
      CREATE TABLE app.guarded (id int); ALTER TABLE app.guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY own ON app.guarded USING (id > 0);
      CREATE VIEW app.v AS SELECT id FROM outside.invoices;
      CREATE FUNCTION app.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM app.orders; END;
    `);
    // For the session that the first check opens.
    await estate.sql("ALTER ROLE postgres SET lock_timeout = '1s'");
    const quiet = [await estate.ofOwnership(), await estate.ofPrivileges("shop_reader"), await estate.ofDatabase()];
    const holder = await estate.postgres.connect({ database: "shop" });
    await holder.query("BEGIN; LOCK TABLE app.orders, app.guarded, app.v, outside.invoices IN ACCESS EXCLUSIVE MODE");
    await holder.query("ALTER TABLE app.guarded ADD COLUMN more int");
    try {
      const locked = [await estate.ofOwnership(), await estate.ofPrivileges("shop_reader"), await estate.ofDatabase()];
      expect(locked).toEqual(quiet);
      expect(locked.flat().join()).not.toContain("could not check");
    } finally {
      await holder.query("ROLLBACK");
      await estate.sql("ALTER ROLE postgres RESET lock_timeout");
    }
  });

  test("hostile names stay quoted in the remedy", async () => {
    await estate.sql(`CREATE TABLE outside."Robert'); DROP TABLE x;--" (id int);
      CREATE VIEW app."v ""x""" AS SELECT id FROM outside."Robert'); DROP TABLE x;--"`);
    expect(await estate.ofOwnership({ owner: 'own "er' })).toEqual([
      expect.stringMatching(/^app\."v ""x""": .*GRANT SELECT ON outside\."Robert'\); DROP TABLE x;--" TO "own ""er"/),
    ]);
  });
});
