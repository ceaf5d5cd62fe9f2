import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useText } from "../../../../cli/discover/evidence.ts";
import { evidenceOf } from "../../../../cli/discover/statements/evidence-of.ts";
import type { NamesInDatabase } from "../../../../cli/discover/statements/names-in-database.ts";
import { needOf } from "../../../../cli/discover/statements/need-of.ts";
import { readNames } from "../../../../cli/discover/statements/read-names.ts";
import { Resolver } from "../../../../cli/discover/statements/resolve.ts";
import { type Postgres, startPostgres } from "../../../../sandbox/postgres/server.ts";

const schema = `
  CREATE ROLE keeper;
  CREATE SCHEMA shop; CREATE SCHEMA audit; CREATE SCHEMA closed;
  CREATE TABLE audit.log (id bigserial, at timestamptz DEFAULT now(), what text);
  CREATE SEQUENCE shop.numbers;
  CREATE FUNCTION shop.label(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
  CREATE TABLE shop.items (id serial PRIMARY KEY, name text, price int CHECK (price > 0));
  CREATE TABLE shop.orders (id int GENERATED ALWAYS AS IDENTITY, item int REFERENCES shop.items, note text DEFAULT shop.label('none'));
  CREATE TABLE shop.kept (id int); ALTER TABLE shop.kept OWNER TO keeper;
  CREATE TABLE public.schema_migrations (version text);
  CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO audit.log (what) VALUES (TG_OP); RETURN NEW; END $$;
  CREATE TRIGGER note AFTER UPDATE OF price ON shop.items FOR EACH ROW EXECUTE FUNCTION audit.note();
  CREATE FUNCTION shop.stock(int) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM shop.orders WHERE item = $1; END;
  CREATE FUNCTION shop.secret(int) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM audit.log WHERE id = $1 RETURNING id';
  REVOKE EXECUTE ON FUNCTION shop.secret FROM PUBLIC;
  CREATE FUNCTION shop.again(n int) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN IF n > 0 THEN RETURN shop.again(n - 1); END IF; EXECUTE format('SELECT %s', n); RETURN 0; END $$;
  CREATE FUNCTION shop.two(int) RETURNS int LANGUAGE sql AS 'SELECT max(id) FROM shop.items';
  CREATE FUNCTION shop.two(text) RETURNS int LANGUAGE sql AS 'SELECT max(id) FROM shop.orders';
  CREATE FUNCTION shop.pathless() RETURNS bigint LANGUAGE sql SET search_path = audit AS 'SELECT count(*) FROM log';
  CREATE VIEW shop.stocks AS SELECT id, shop.stock(id) FROM shop.items;
  CREATE VIEW shop.of_stocks AS SELECT * FROM shop.stocks;
  CREATE VIEW shop.cheap AS SELECT * FROM shop.items WHERE price < 5;
  CREATE VIEW shop.instead AS SELECT * FROM shop.items;
  CREATE FUNCTION shop.nothing_at_all() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER instead INSTEAD OF INSERT ON shop.instead FOR EACH ROW EXECUTE FUNCTION shop.nothing_at_all();
  CREATE MATERIALIZED VIEW shop.stocks_then AS SELECT id, shop.stock(id) FROM shop.items;
  CREATE FUNCTION shop.initcap(int) RETURNS int LANGUAGE sql AS 'SELECT max(id) FROM shop.orders';
  CREATE FUNCTION closed.open() RETURNS int LANGUAGE sql AS 'SELECT 1';
  ALTER TABLE shop.kept ENABLE ROW LEVEL SECURITY;
  CREATE FUNCTION shop.mine() RETURNS boolean LANGUAGE sql AS 'SELECT true';
  CREATE POLICY mine ON shop.kept FOR SELECT USING (shop.mine());
  CREATE TABLE shop.events (at date) PARTITION BY RANGE (at);
  CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  ALTER ROLE postgres IN DATABASE postgres SET search_path = shop, public;`;

let postgres: Postgres;
let names: NamesInDatabase;
let isInvokerKnown: boolean;

beforeAll(async () => {
  postgres = await startPostgres();
  const db = new pg.Client({ connectionString: postgres.url() });
  await db.connect();
  await db.query(schema);
  isInvokerKnown = postgres.version >= 15;
  if (isInvokerKnown) {
    await db.query("CREATE VIEW shop.invoked WITH (security_invoker) AS SELECT * FROM audit.log");
  }
  names = await readNames(db);
  await db.end();
});
afterAll(() => postgres.stop());

const now = new Date("2026-06-20T15:00:00Z");

async function seen(
  texts: string[],
  more: { source?: "session" | "log"; searchPath?: string; isTruncated?: boolean } = {},
) {
  const statements = texts.map((text, n) => ({
    text,
    database: "postgres",
    user: "postgres",
    count: n + 1,
    at: new Date(now.getTime() - n * 60_000),
    source: "log" as const,
    ...more,
  }));
  return evidenceOf("postgres", statements, new Resolver(names), 100);
}

/** What the statements use, in words. */
async function uses(...texts: string[]): Promise<string[]> {
  const { evidence } = await seen(texts);
  expect(evidence.unknown).toEqual([]);
  return evidence.uses.map((use) => useText(use) + (use.certainty === "likely" ? " (likely)" : "")).toSorted();
}

describe("a statement needs", () => {
  test.each<[string, string[]]>([
    ["SELECT name FROM items", ["SELECT on shop.items"]],
    ["SELECT * FROM log", ["SELECT on audit.log (likely)"]],
    ["SELECT count(*) FROM pg_class JOIN information_schema.tables ON true", []],
    ["SELECT rolpassword FROM pg_authid", ["SELECT on pg_catalog.pg_authid"]],
    ["SELECT pg_read_file('x')", ["EXECUTE on function pg_catalog.pg_read_file(text)"]],
    ["INSERT INTO shop.events VALUES ('2026-06-01')", ["INSERT on shop.events"]],
  ])("%s", async (sql, expected) => expect(await uses(sql)).toEqual(expected));

  test("the sequence of a serial column, but not that of an identity column", async () => {
    expect(await uses("INSERT INTO shop.items (name) VALUES ('x')")).toEqual([
      "INSERT on shop.items",
      "USAGE on sequence shop.items_id_seq through shop.items",
    ]);
    expect(await uses("INSERT INTO shop.items (id, name) VALUES (1, 'x')")).toContain(
      "USAGE on sequence shop.items_id_seq through shop.items (likely)",
    );
    expect(await uses("INSERT INTO shop.orders (item) VALUES (1)")).toEqual([
      "EXECUTE on function shop.label(text) through shop.orders",
      "INSERT on shop.orders",
    ]);
  });

  test("what a trigger's function does, if the trigger fires", async () => {
    expect(await uses("UPDATE items SET price = 1")).toEqual([
      "INSERT on audit.log through audit.note",
      "UPDATE on shop.items",
      "USAGE on sequence audit.log_id_seq through audit.log",
    ]);
    expect(await uses("UPDATE items SET name = 'x'")).toEqual(["UPDATE on shop.items"]);
  });

  test("the functions of a view and of views below, but not the tables", async () => {
    expect(await uses("SELECT * FROM of_stocks")).toEqual([
      "EXECUTE on function shop.stock(integer) through shop.stocks",
      "SELECT on shop.of_stocks",
      "SELECT on shop.orders through shop.stock",
    ]);
    expect(await uses("INSERT INTO cheap (name) VALUES ('x')")).toEqual([
      "INSERT on shop.cheap",
      "USAGE on sequence shop.items_id_seq through shop.items (likely)",
    ]);
  });

  test("nothing below a view whose trigger does the work, and no function of a materialized view", async () => {
    expect(await uses("INSERT INTO instead (name) VALUES ('x')")).toEqual(["INSERT on shop.instead"]);
    expect(await uses("SELECT * FROM stocks_then")).toEqual(["SELECT on shop.stocks_then"]);
  });

  test("a function that one of Postgres may win over", async () => {
    expect(await uses("SELECT initcap($1), lower($1)")).toEqual([
      "EXECUTE on function shop.initcap(integer) (likely)",
      "SELECT on shop.orders through shop.initcap (likely)",
    ]);
  });

  test("the tables of a view with security_invoker", async ({ skip }) => {
    if (!isInvokerKnown) skip("security_invoker needs PostgreSQL 15");
    expect(await uses("SELECT * FROM invoked")).toEqual([
      "SELECT on audit.log through shop.invoked",
      "SELECT on shop.invoked",
    ]);
  });

  test("the functions of policies", async () => {
    expect(await uses("SELECT * FROM kept")).toEqual([
      "EXECUTE on function shop.mine() through shop.kept (likely)",
      "SELECT on shop.kept",
    ]);
  });

  test("of a SECURITY DEFINER function only EXECUTE, though it writes", async () => {
    expect(await uses("SELECT secret(1)")).toEqual(["EXECUTE on function shop.secret(integer)"]);
    const { written } = await seen(["SELECT secret(1)"]);
    expect([...written].map((id) => names.relationById(id)?.name)).toEqual(["log"]);
  });

  test("each function that a call can mean, and names by the function's own search_path", async () => {
    expect(await uses("SELECT two($1)")).toEqual([
      "EXECUTE on function shop.two(integer) (likely)",
      "EXECUTE on function shop.two(text) (likely)",
      "SELECT on shop.items through shop.two (likely)",
      "SELECT on shop.orders through shop.two (likely)",
    ]);
    expect(await uses("SELECT pathless()")).toEqual([
      "EXECUTE on function shop.pathless()",
      "SELECT on audit.log through shop.pathless",
    ]);
  });

  test("what the search_path at that moment says", async () => {
    expect(await uses("SET search_path = audit; SELECT * FROM log; RESET search_path; SELECT * FROM items")).toEqual([
      "SELECT on audit.log",
      "SELECT on shop.items",
    ]);
    expect((await seen(["SELECT * FROM log"], { searchPath: "audit" })).evidence.uses).toMatchObject([
      { schema: "audit", certainty: "certain" },
    ]);
  });

  test("what its definitions say, of an index its table's owner", async () => {
    expect(await uses("DROP INDEX shop.items_pkey", "CREATE TABLE audit.x (LIKE shop.items)")).toEqual([
      "CREATE on schema audit",
      "SELECT on shop.items",
      "ownership of shop.items",
    ]);
  });
});

test("an index on a temporary table needs nothing on a schema of the database", async () => {
  const { evidence } = await seen([
    "CREATE TEMP TABLE work (a int)",
    "CREATE INDEX ON work (a)",
    "ALTER TABLE work RENAME TO worked",
    "ANALYZE work",
    "DROP TABLE work",
  ]);
  expect(evidence.uses.map(useText)).toEqual([expect.stringMatching(/^TEMPORARY on database /)]);
  expect(evidence.ddl).toEqual([]);
});

test("uses are counted, dated and without literals; temporary and prepared objects are known", async () => {
  const { evidence } = await seen([
    "SELECT * FROM items WHERE name = 'secret'",
    "SELECT * FROM items WHERE id = 1",
    "CREATE TEMP TABLE work AS SELECT 1; INSERT INTO work VALUES (2)",
    "PREPARE p AS DELETE FROM orders; EXECUTE p",
    "CREATE TABLE shop.gone (); SELECT * FROM shop.gone",
  ]);
  expect(evidence.uses.find(({ name }) => name === "items")).toEqual({
    kind: "table",
    schema: "shop",
    name: "items",
    privilege: "SELECT",
    certainty: "certain",
    count: 3,
    last: now,
    example: "SELECT * FROM items WHERE name = $1",
  });
  expect(evidence.uses.map(useText)).toContain("DELETE on shop.orders");
  expect(evidence.ddl).toMatchObject([{ example: "CREATE TABLE shop.gone (); SELECT * FROM shop.gone", count: 5 }]);
  expect(evidence.unknown).toEqual([]);
  expect(evidence.breaksPooling).toEqual(["temporary table work", "prepared statements in SQL, or cursors WITH HOLD"]);
  expect(JSON.stringify(evidence)).not.toContain("secret");
});

test("what cannot be known is named", async () => {
  const log = await seen([
    "SELECT again(1)",
    "SELECT * FROM nowhere WHERE x = 'secret'",
    "SELECT nothing(1)",
    "EXECUTE unseen(1)",
    "this is no SQL 'secret'",
  ]);
  expect(log.evidence.unknown.map(({ reason }) => reason).toSorted()).toEqual([
    "a prepared statement whose text was not seen",
    "dynamic EXECUTE in shop.again",
    "function nothing is not in the catalog",
    "nowhere is not in the catalog",
    "the text cannot be parsed",
  ]);
  const long = `SELECT ${"a,".repeat(60)} 'cut`;
  const { evidence } = await seen([long], { source: "session" });
  expect(evidence.unknown).toMatchObject([{ reason: "the text was cut off (track_activity_query_size = 100)" }]);
  expect(JSON.stringify([log.evidence, evidence])).not.toContain("secret");
});

describe("a role needs", () => {
  const facts = {
    schemas: ["shop"],
    ledgers: ["public.schema_migrations"],
    watch: { isComplete: true, sawStart: true },
    sawEverything: true,
    unexplained: [] as string[],
    changes: [] as string[],
    now,
  };
  const need = async (texts: string[], more: Partial<typeof facts> = {}) =>
    needOf((await seen(texts)).evidence, { names, ...facts, ...more });

  test("the level of what was used in the schemas", async () => {
    expect(await need(["SELECT * FROM items"])).toEqual({
      access: "reader",
      migrates: false,
      grants: {},
      alsoOwn: [],
      reasons: [
        { subject: "access", what: "it only reads", line: "it only reads", certainty: "certain" },
        {
          subject: "access",
          what: "SELECT on shop.items",
          line: "SELECT on shop.items, once, last 15:00",
          certainty: "certain",
        },
        {
          subject: "migrates",
          what: "no DDL, and its start was watched",
          line: "no DDL in 1 statements, and its start was watched",
          certainty: "certain",
        },
      ],
    });
    expect(await need(["UPDATE items SET name = 'x'"])).toMatchObject({ access: "writer", grants: {} });
    expect(await need(["ALTER TABLE items ADD x int"])).toMatchObject({ access: "owner", migrates: true });
    expect(await need(["REFRESH MATERIALIZED VIEW shop.stocks"])).toMatchObject({ migrates: false });
  });

  test("grants for everything else", async () => {
    expect(
      await need([
        "SELECT secret(1), nextval('numbers'), setval('shop.numbers', 3), closed.open() FROM audit.log",
        "TRUNCATE items",
      ]),
    ).toMatchObject({
      access: "reader",
      grants: {
        functions: { "shop.secret(integer)": ["EXECUTE"] },
        schemas: { audit: ["USAGE"], closed: ["USAGE"] },
        sequences: { "shop.numbers": ["UPDATE", "USAGE"] },
        tables: { "audit.log": ["SELECT"], "shop.items": ["TRUNCATE"] },
      },
    });
    expect((await need(["CREATE TABLE x ()", "SELECT * FROM kept"]))?.grants).toEqual({
      tables: { "shop.kept": ["SELECT"] },
    });
  });

  test("the ownership of what it alters elsewhere, and what no role of the stack can have", async () => {
    const found = await need([
      "ALTER TABLE public.schema_migrations ADD x int; ALTER TABLE kept ADD x int; DROP SCHEMA shop",
      "INSERT INTO public.schema_migrations VALUES ('1')",
      "SET session_replication_role = replica; SET ROLE keeper; SELECT pg_read_file('x')",
    ]);
    expect(found).toMatchObject({ access: "owner", alsoOwn: ["public.schema_migrations"], grants: {} });
    expect(found?.reasons.filter(({ subject }) => subject === "superuser").map(({ what }) => what)).toEqual([
      "EXECUTE on function pg_catalog.pg_read_file(text)",
      "ownership of schema shop",
      "ownership of shop.kept",
      "SET session_replication_role, which only a superuser can change",
      "SET ROLE keeper, which needs membership in it",
    ]);
  });

  test("no migration only if all its statements and a start were seen", async () => {
    const migrates = async (more: Partial<typeof facts>, sql = "SELECT * FROM items") =>
      (await need([sql], more))?.migrates;
    expect(await migrates({ watch: { isComplete: false, sawStart: true } })).toBe("unconfirmed");
    expect(await migrates({ watch: { isComplete: true, sawStart: false } })).toBe("unconfirmed");
    expect(await migrates({}, "SELECT again(1)")).toBe("unconfirmed");
    expect((await need(["SELECT again(1)"], {}))?.reasons.map(({ subject }) => subject)).toContain("hides DDL");
    const cut = await seen(["SELECT * FROM items", "SELECT 1; DROP T"], { isTruncated: true });
    expect(cut.evidence.unknown).toMatchObject([
      { reason: "the text was cut off (longer than a megabyte)" },
      { reason: "the text was cut off (longer than a megabyte)" },
    ]);
    expect(needOf(cut.evidence, { names, ...facts })).toMatchObject({ access: "reader", migrates: "unconfirmed" });
    expect(needOf(cut.evidence, { names, ...facts })?.reasons[0]).toMatchObject({
      what: "only reads were seen, but not every statement could be read",
      certainty: "likely",
    });
    expect(await migrates({ changes: ["shop.x was created"] })).toBe(true);
  });

  test("only to read, unless someone wrote unseen", async () => {
    const reads = { sawEverything: false };
    expect(await need(["SELECT * FROM items"], reads)).toMatchObject({
      access: "reader",
      reasons: [{ what: "only reads were seen, in samples of its statements", certainty: "likely" }, {}, {}],
    });
    expect(await need(["SELECT * FROM items"], { ...reads, unexplained: ["shop.orders"] })).toMatchObject({
      access: "writer",
      reasons: [{ certainty: "likely" }, {}],
    });
  });

  test("nothing that is known, if no object was used", async () => {
    expect(await need(["SELECT 1", "BEGIN"])).toBeUndefined();
  });
});
