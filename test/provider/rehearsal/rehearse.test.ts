import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Server } from "../../../provider/postgres/connection.ts";
import type { RehearsalGoal, SqlFile } from "../../../provider/rehearsal/goal.ts";
import { type Limits, rehearse } from "../../../provider/rehearsal/rehearse.ts";
import { passed, type Rehearsed } from "../../../provider/rehearsal/result.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

const database = "tracksolid_db";

/** Limits that do not depend on the speed of the machine. */
const unhurried: Limits = { patience: 0, holdCap: 60_000 };

const runbook: RehearsalGoal = {
  database,
  schemas: ["tracksolid", "reporting", "tickets"],
  owner: "tracksolid_owner",
  keepOwner: { "reporting.v_trips": "reporting_refresher" },
  alsoOwn: [],
  roles: [
    {
      role: "tracksolid_owner",
      access: "owner",
      settings: { search_path: "tracksolid, public", statement_timeout: "0" },
    },
    { role: "dashboard_app", access: "reader", settings: {} },
  ],
};

describe.each(availableVersions())("PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let admin: Client;
  let before: Record<string, string[]>;
  let undo: string[];

  beforeAll(async () => {
    postgres = await startPostgres(version);
    await createLegacyEstate(postgres.address);
    server = new Server(postgres.address);
    admin = await postgres.connect({ database });
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(() => {
    undo = [];
  });
  afterEach(async () => {
    for (const sql of undo) await admin.query(sql);
  });

  /** Rehearses, and checks that nothing on the server changed. */
  async function rehearsed(
    files: SqlFile[] = [],
    goal: Partial<RehearsalGoal> = {},
    limits = unhurried,
  ): Promise<Rehearsed> {
    before = await observe(admin);
    const result = await server.session(database, (db) =>
      rehearse(db, { ...runbook, ...goal }, files, testCall(), limits),
    );
    expect(await observe(admin)).toEqual(before);
    return result;
  }

  async function setUp(sql: string, tearDown: string): Promise<void> {
    undo.unshift(tearDown);
    await admin.query(sql);
  }

  const file = (text: string): SqlFile[] => [{ name: "0042.sql", text }];

  test("the runbook's estate passes, before its roles exist", async () => {
    const result = await rehearsed();
    expect(result).toMatchObject({ failed: [], missed: [] });
    expect(result.moved).toBeGreaterThan(50);
    expect(result.checks).toBeGreaterThan(result.objects);
  });

  test("a view that the new owner cannot read is reported", async () => {
    await setUp(
      `CREATE SCHEMA vault; CREATE TABLE vault.keys (id int);
       CREATE VIEW tickets.v_keys AS SELECT id FROM vault.keys;
       CREATE MATERIALIZED VIEW tickets.mv_keys AS SELECT id FROM vault.keys`,
      "DROP SCHEMA vault CASCADE",
    );
    const { failed, missed } = await rehearsed();
    expect(missed).toEqual([]);
    const found = failed.map(({ object, check, code, message }) => [object, check, code, message]);
    expect(found).toContainEqual([
      "tickets.v_keys",
      "EXPLAIN SELECT as tracksolid_owner",
      "42501",
      "permission denied for table keys",
    ]);
    expect(found).toContainEqual([
      "tickets.mv_keys",
      "EXPLAIN of its definition as tracksolid_owner",
      "42501",
      "permission denied for schema vault",
    ]);
    // Its readers also read with its owner's privileges.
    expect(found).toContainEqual(["tickets.v_keys", "EXPLAIN SELECT as dashboard_app", "42501", expect.anything()]);
    expect(failed[0]?.remedy).toContain("app-roles:databases.tracksolid_db.schemas");
    expect(found).toHaveLength(3);
  });

  // A view can be read with the reader's privileges since PostgreSQL 15.
  test.skipIf(version < 15)("a relation that the reader cannot read is reported", async () => {
    await setUp(
      `CREATE SCHEMA vault; CREATE TABLE vault.keys (id int); CREATE ROLE vault_keeper;
       CREATE FUNCTION tickets.keys() RETURNS SETOF vault.keys LANGUAGE sql STABLE AS 'SELECT * FROM vault.keys';
       CREATE VIEW tickets.v_keys WITH (security_invoker) AS SELECT id FROM vault.keys;
       GRANT USAGE ON SCHEMA vault TO vault_keeper; GRANT SELECT ON vault.keys TO vault_keeper;
       ALTER VIEW tickets.v_keys OWNER TO vault_keeper`,
      "DROP SCHEMA vault CASCADE; DROP FUNCTION IF EXISTS tickets.keys; DROP ROLE vault_keeper",
    );
    const { failed } = await rehearsed([], {
      keepOwner: { ...runbook.keepOwner, "tickets.v_keys": "vault_keeper" },
    });
    expect(failed.map(({ object, check, code }) => [object, check, code])).toEqual([
      ["tickets.v_keys", "EXPLAIN SELECT as dashboard_app", "42501"],
    ]);
  });

  test("an SQL function in a view reads with the caller's privileges, which the up will grant", async () => {
    await setUp(
      `CREATE FUNCTION tickets.comments_of() RETURNS SETOF tickets.comments LANGUAGE sql STABLE
         AS 'SELECT * FROM tickets.comments';
       REVOKE EXECUTE ON FUNCTION tickets.comments_of FROM PUBLIC;
       CREATE VIEW tickets.v_comments AS SELECT c.id FROM tickets.comments_of() c`,
      "DROP VIEW tickets.v_comments; DROP FUNCTION tickets.comments_of",
    );
    expect(await rehearsed()).toMatchObject({ failed: [], missed: [] });
  });

  test("a reader that can write is reported", async () => {
    await setUp("GRANT DELETE ON tickets.tickets TO PUBLIC", "REVOKE DELETE ON tickets.tickets FROM PUBLIC");
    const { failed } = await rehearsed();
    expect(failed).toMatchObject([
      { object: "tickets.tickets", check: "EXPLAIN DELETE as dashboard_app", code: undefined },
    ]);
  });

  test("a writer can write, and its settings apply", async () => {
    const desk = { role: "ticket_desk", access: "writer" as const };
    const roles = [...runbook.roles, { ...desk, settings: {} }];
    expect(await rehearsed([], { roles })).toMatchObject({ failed: [], missed: [] });
    const lost = [{ role: "tracksolid_owner", access: "owner" as const, settings: { work_mem: "plenty" } }];
    expect((await rehearsed(file("SELECT 1"), { roles: lost })).failed.at(-1)).toMatchObject({
      object: "0042.sql",
      check: "the settings of tracksolid_owner",
      code: "22023",
    });
    const wrong = [...runbook.roles, { ...desk, settings: { work_mem: "plenty" } }];
    const { failed } = await rehearsed([], { roles: wrong });
    expect(new Set(failed.map(({ check, code }) => `${check} ${code}`))).toContain(
      "EXPLAIN INSERT as ticket_desk 22023",
    );
  });

  test("an owner with read-only sessions cannot migrate", async () => {
    const [owner, ...others] = runbook.roles as [RehearsalGoal["roles"][0]];
    const roles = [{ ...owner, settings: { default_transaction_read_only: "on" } }, ...others];
    const { failed } = await rehearsed([], { roles });
    expect(failed).toContainEqual(
      expect.objectContaining({
        object: "schema tickets",
        code: "25006",
        remedy: expect.stringContaining("read_only"),
      }),
    );
  });

  test("a locked object is reported with the session that locks it", async () => {
    const holder = await postgres.connect({ database });
    await holder.query(
      "SET application_name = 'nightly report'; BEGIN; LOCK TABLE tickets.tickets IN ACCESS SHARE MODE",
    );
    const { failed, missed, moved, objects } = await rehearsed();
    await holder.query("ROLLBACK");
    expect(failed).toEqual([]);
    expect(missed.map(({ object }) => object)).toEqual(["tickets.tickets"]);
    expect(missed[0]?.reason).toMatch(
      /^it, or a relation that it reads, is locked by pid \d+, nightly report as postgres, in a transaction for .*55P03/,
    );
    const all = await rehearsed();
    expect(all).toMatchObject({ objects, moved: moved + 1, missed: [] });
  });

  test("a lock that is released meanwhile only costs time", async () => {
    const holder = await postgres.connect({ database });
    await holder.query("BEGIN; LOCK TABLE tickets.tickets IN ACCESS SHARE MODE");
    const call = testCall();
    const result = server.session(database, (db) =>
      rehearse(db, runbook, [], call, { ...unhurried, patience: 60_000 }),
    );
    await expect.poll(() => call.lines.join(), { timeout: 60_000 }).toContain("waiting for 1 that other sessions lock");
    await holder.query("ROLLBACK");
    expect(await result).toMatchObject({ failed: [], missed: [] });
  });

  test("the up's own grants count, and every role of the stack exists during the rehearsal", async () => {
    await setUp("CREATE SCHEMA audit; CREATE TABLE audit.log (id int, who text)", "DROP SCHEMA audit CASCADE");
    const migration =
      file(`CREATE TABLE public.made (id int); SELECT who FROM audit.log; INSERT INTO audit.log VALUES (1);
      GRANT SELECT ON public.made TO elsewhere_app; ALTER TABLE tickets.tickets ADD COLUMN seen boolean`);
    const [owner, ...others] = runbook.roles as [RehearsalGoal["roles"][0]];
    expect((await rehearsed(migration)).failed).toMatchObject([{ object: "0042.sql line 1", code: "42501" }]);
    const grants = {
      schemas: { public: ["CREATE"], audit: ["USAGE"] },
      tables: { "audit.log": ["INSERT"] },
      columns: { "audit.log": { SELECT: ["who"] } },
    };
    const roles = [{ ...owner, grants }, ...others, { role: "elsewhere_app", settings: {} }];
    expect(await rehearsed(migration, { roles })).toMatchObject({ failed: [], missed: [] });
  });

  test("partitions and children in other schemas are altered with their table, and pass once the owner owns them", async () => {
    await setUp(
      `CREATE SCHEMA parts; CREATE TABLE tickets.ev (id int) PARTITION BY RANGE (id); CREATE TABLE tickets.base (id int);
       CREATE TABLE parts.ev_1 PARTITION OF tickets.ev FOR VALUES FROM (0) TO (9); CREATE TABLE parts.heir () INHERITS (tickets.base)`,
      "DROP TABLE tickets.ev, tickets.base CASCADE; DROP SCHEMA parts CASCADE",
    );
    const { failed } = await rehearsed();
    expect(failed).toMatchObject([
      {
        object: "tickets.base",
        check: expect.stringContaining("ALTER TABLE ADD COLUMN"),
        message: "must be owner of table heir",
      },
      {
        object: "tickets.ev",
        check: expect.stringContaining("ALTER TABLE ADD COLUMN"),
        message: "must be owner of table ev_1",
      },
      { object: "tickets.ev", check: expect.stringContaining("CREATE in schema parts"), code: "42501" },
    ]);
    const [owner, ...others] = runbook.roles as [RehearsalGoal["roles"][0]];
    const roles = [{ ...owner, grants: { schemas: { parts: ["USAGE", "CREATE"] } } }, ...others];
    const alsoOwn = ["parts.ev_1", "parts.heir"];
    expect(await rehearsed([], { roles, alsoOwn })).toMatchObject({ failed: [], missed: [] });
  });

  test("statements that only another owner can run are warnings, not failures", async () => {
    await setUp("CREATE EXTENSION hstore SCHEMA public", "DROP EXTENSION hstore");
    const { failed, warned } = await rehearsed();
    expect(failed).toEqual([]);
    const found = warned.map(({ object, check }) => `${object}: ${check}`);
    expect(found).toEqual(
      expect.arrayContaining([
        "schema tickets: COMMENT ON SCHEMA as tracksolid_owner",
        "schema tickets: ALTER DEFAULT PRIVILEGES FOR ROLE postgres as tracksolid_owner",
        expect.stringMatching(/^extension hstore: .*ALTER EXTENSION .* as tracksolid_owner/),
        "reporting.v_trips: EXPLAIN SELECT as tracksolid_owner",
      ]),
    );
    const update = await rehearsed(file("ALTER EXTENSION hstore UPDATE"));
    expect(update.failed).toMatchObject([{ remedy: expect.stringContaining("Let its owner or a superuser run") }]);
  });

  test("an object that would hold its locks for too long is reported as not tried, and is not a failure", async () => {
    await setUp(
      `CREATE SCHEMA slow; CREATE TABLE slow.big (id int PRIMARY KEY, note text);
       CREATE FUNCTION slow.wait() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); END';
       CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION slow.wait()`,
      "DROP EVENT TRIGGER slow; DROP SCHEMA slow CASCADE",
    );
    const result = await rehearsed([], { schemas: ["slow"] }, { patience: 15_000, holdCap: 250 });
    expect(result).toMatchObject({ failed: [], missed: [] });
    expect(passed(result)).toBe(true);
    expect(result.untried).toEqual([
      {
        object: "slow.big",
        reason: expect.stringMatching(
          /^its move changes 4 relations in one transaction and will hold their locks for \d+ ms or more/,
        ),
        remedy: expect.stringContaining("The up moves it anyway"),
      },
    ]);
  });

  test("an object that another session drops meanwhile is not a failure", async () => {
    await setUp(
      "CREATE TABLE tickets.short (id int); CREATE FUNCTION tickets.brief() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "SELECT",
    );
    const other = await postgres.connect({ database });
    const result = await server.session(database, async (db) => {
      let begun = false;
      const query: typeof db.query = async (text, values) => {
        if (!begun && text === "BEGIN") {
          begun = true;
          await other.query("DROP TABLE tickets.short; DROP FUNCTION tickets.brief");
        }
        return db.query(text, values);
      };
      return rehearse({ query }, runbook, [], testCall(), unhurried);
    });
    expect(result).toMatchObject({ failed: [], missed: [], untried: [] });
  });

  test("a moved object is not moved again, and is still checked", async () => {
    await setUp(
      `CREATE ROLE tracksolid_owner; GRANT USAGE, CREATE ON SCHEMA tracksolid, reporting, tickets TO tracksolid_owner;
       ALTER TABLE tickets.comments OWNER TO tracksolid_owner`,
      `ALTER TABLE tickets.comments OWNER TO postgres; DROP OWNED BY tracksolid_owner; DROP ROLE tracksolid_owner`,
    );
    const { moved, objects, failed, checks } = await rehearsed();
    expect(failed).toEqual([]);
    expect(checks).toBeGreaterThan(objects);
    const first = await rehearsed([], { owner: "tracksolid_owner" });
    expect(first.moved).toBe(moved);
  });

  test.skipIf(version < 15)("a role that is a superuser now is rehearsed as a non-superuser", async () => {
    await setUp("CREATE ROLE dashboard_app SUPERUSER", "DROP ROLE dashboard_app");
    await setUp("CREATE SCHEMA vault; CREATE TABLE vault.keys (id int)", "DROP SCHEMA vault CASCADE");
    await setUp(
      "CREATE VIEW tickets.v_keys WITH (security_invoker) AS SELECT id FROM vault.keys",
      "DROP VIEW tickets.v_keys",
    );
    const { failed } = await rehearsed();
    expect(failed.map(({ object, check }) => [object, check])).toContainEqual([
      "tickets.v_keys",
      "EXPLAIN SELECT as dashboard_app",
    ]);
  });

  test("objects of a database without an owner are checked and not moved", async () => {
    const goal: RehearsalGoal = {
      database: "fleet_platform",
      schemas: ["fleet", "jobs"],
      owner: undefined,
      keepOwner: {},
      alsoOwn: [],
      roles: [{ role: "gateway_app", access: "writer", settings: {} }],
    };
    const run = (files: SqlFile[]) =>
      server.session("fleet_platform", (db) => rehearse(db, goal, files, testCall(), unhurried));
    const result = await run([]);
    expect(result).toMatchObject({ moved: 0, failed: [], missed: [] });
    expect(result.checks).toBeGreaterThan(0);
    await expect(run(file("SELECT 1"))).rejects.toThrow(/has no owner to run them as/);
  });

  test("a non-superuser admin is refused", async () => {
    await setUp("CREATE ROLE deputy LOGIN PASSWORD 'deputy'", "DROP ROLE deputy");
    const deputy = new Server({ ...postgres.address, user: "deputy", password: "deputy" });
    const run = deputy.session(database, (db) => rehearse(db, runbook, [], testCall(), unhurried));
    await expect(run).rejects.toThrow(/deputy is not a superuser/);
    await deputy.close();
  });

  describe("SQL files", () => {
    test("a good migration passes", async () => {
      const { failed, missed, checks } = await rehearsed(
        file(`
          ALTER TABLE position_history ADD COLUMN note text; -- found by the role's search_path
          CREATE TABLE tracksolid.made (id int PRIMARY KEY, imei tracksolid.imei REFERENCES tracksolid.devices);
          DO $$ BEGIN EXECUTE 'ALTER TABLE tickets.tickets ADD COLUMN note text'; END $$;
          CREATE OR REPLACE VIEW tickets.v_open_tickets AS
            SELECT t.id, t.subject, t.state, d.plate, t.note FROM tickets.tickets t LEFT JOIN tracksolid.devices d USING (imei);
          SET search_path = reporting;
          ALTER TABLE trips ADD COLUMN note text;
          INSERT INTO tracksolid.schema_migrations (version) VALUES ('0042');
          COMMENT ON FUNCTION tickets.open_count() IS 'of the dashboard'`),
      );
      expect({ failed, missed }).toEqual({ failed: [], missed: [] });
      expect(checks).toBeGreaterThan(8);
    });

    test("a file that would commit or change its role is refused with the line, and not run", async () => {
      const { failed } = await rehearsed(
        file(
          "-- é\nCREATE TABLE nowhere.x ();\n\nBEGIN;\nSET ROLE postgres; RESET ROLE;\n  COMMIT;\nVACUUM tickets.tickets;",
        ),
      );
      expect(failed.map(({ object }) => object)).toEqual([
        "0042.sql line 4",
        "0042.sql line 5",
        "0042.sql line 5",
        "0042.sql line 6",
        "0042.sql line 7",
      ]);
    });

    test.each([
      ["DO $$ BEGIN COMMIT; END $$", "2D000"],
      ["DO $$ BEGIN EXECUTE 'RESET ROLE'; END $$", "42501"],
      ["SELECT set_config('role', 'postgres', false)", "42501"],
      ["SELECT set_config('session_authorization', 'postgres', false)", "42501"],
      ["DO $$ BEGIN EXECUTE 'VACUUM tickets.tickets'; END $$", "25001"],
    ])("a hidden attempt is refused by Postgres: %s", async (sql, code) => {
      const { failed } = await rehearsed(file(`SELECT 1;\n${sql};\nCREATE TABLE tickets.never_created ();`));
      expect(failed).toMatchObject([{ object: "0042.sql line 2", code }]);
    });

    test("a file that fails is reported with the line and the reason", async () => {
      const { failed } = await rehearsed(
        file("CREATE TABLE tickets.x (id int);\n\nALTER TABLE public.nowhere\n  ADD COLUMN x int;\nSELECT 1/0;"),
      );
      expect(failed).toMatchObject([
        {
          object: "0042.sql line 3",
          check: "ALTER TABLE public.nowhere ADD COLUMN x int as tracksolid_owner",
          code: "42P01",
          message: 'relation "public.nowhere" does not exist',
        },
      ]);
    });

    test("a violation that only COMMIT would find is found", async () => {
      const { failed } = await rehearsed(
        file(`CREATE TABLE tickets.a (id int PRIMARY KEY);
              CREATE TABLE tickets.b (id int REFERENCES tickets.a DEFERRABLE INITIALLY DEFERRED);
              INSERT INTO tickets.b VALUES (1)`),
      );
      expect(failed).toMatchObject([{ object: "0042.sql line 3", code: "23503" }]);
    });

    test("a file that alters an object of another owner fails as it will after the up", async () => {
      await setUp("CREATE TABLE public.ledger (id int)", "DROP TABLE public.ledger");
      const sql = file("ALTER TABLE public.ledger ADD COLUMN x int");
      expect((await rehearsed(sql)).failed).toMatchObject([
        { code: "42501", message: "must be owner of table ledger" },
      ]);
      expect((await rehearsed(sql, { alsoOwn: ["public.ledger"] })).failed).toEqual([]);
    });

    test("CREATE TABLE IF NOT EXISTS for an existing ledger needs CREATE on its schema, as the remedy says", async () => {
      await setUp("CREATE SCHEMA books; CREATE TABLE books.ledger (id int)", "DROP SCHEMA books CASCADE");
      const sql = file("CREATE TABLE IF NOT EXISTS books.ledger (id int)");
      expect((await rehearsed(sql, { alsoOwn: ["books.ledger"] })).failed).toMatchObject([
        {
          code: "42501",
          message: "permission denied for schema books",
          remedy: expect.stringContaining(
            "app-roles:roles.tracksolid_owner.grants.tracksolid_db.schemas: {books: [USAGE, CREATE]}",
          ),
        },
      ]);
    });

    test("a file that would hold its locks for too long is stopped", async () => {
      const { missed, failed } = await rehearsed(
        file("SET statement_timeout = 0; LOCK TABLE tickets.tickets; SELECT pg_sleep(60)"),
        {},
        { ...unhurried, holdCap: 5000 },
      );
      expect(failed).toEqual([]);
      expect(missed).toMatchObject([{ object: "0042.sql", reason: expect.stringContaining("held for too long") }]);
    });

    test("a file that waits for another session's lock is reported", async () => {
      const holder = await postgres.connect({ database });
      await holder.query("BEGIN; LOCK TABLE tickets.comments");
      const sql = "ALTER TABLE tickets.tickets ADD COLUMN x int; ALTER TABLE tickets.comments ADD COLUMN x int";
      const { missed } = await rehearsed(file(sql));
      await holder.query("ROLLBACK");
      expect(missed.map(({ object }) => object)).toContain("0042.sql");
    });
  });
});
