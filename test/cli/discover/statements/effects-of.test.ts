import { describe, expect, test } from "vitest";
import { emptyHabits, type NamedUse } from "../../../../cli/discover/statements/effects.ts";
import { effectsOf, UnparsableStatement } from "../../../../cli/discover/statements/effects-of.ts";
import { effectsOfPlpgsql } from "../../../../cli/discover/statements/plpgsql.ts";

function line({ kind, object, privilege, columns, ofColumn, certainty }: NamedUse): string {
  const name = [object.schema, object.name].filter((part) => part !== undefined).join(".");
  const what = kind === "table" ? name : `${kind} ${name}`;
  const parts = columns ? ` (${columns.join(", ")})` : "";
  return `${privilege}${parts} on ${what}${ofColumn ? `.${ofColumn}` : ""}${certainty === "likely" ? "?" : ""}`;
}

async function only(sql: string) {
  const [effects, ...others] = await effectsOf(sql);
  if (!effects || others.length > 0) throw new Error(`${others.length + 1} statements`);
  return effects;
}

const uses = async (sql: string) => (await only(sql)).uses.map(line);

// What queries and definitions need is proved in effects-proof.test.ts.
describe("privileges that a server cannot prove", () => {
  test.each([
    ["unqualified columns of a join", "SELECT x FROM s.t JOIN s.u ON true", ["SELECT on s.t", "SELECT on s.u"]],
    [
      "columns that may be the target's",
      "UPDATE s.t SET a = 1 FROM s.u WHERE x = 1",
      ["UPDATE (a) on s.t", "SELECT on s.t?", "SELECT on s.u"],
    ],
    ["CTEs of the outer query only", "WITH t AS (SELECT 1 AS a) SELECT a FROM s.t, t", ["SELECT on s.t"]],
    ["parameters", "SELECT a FROM t WHERE id = $1", ["SELECT (a, id) on t"]],
    ["catalogs that everyone may read", "SELECT * FROM pg_catalog.pg_class, information_schema.tables", []],
    ["catalogs for superusers", "SELECT rolpassword FROM pg_authid", ["SELECT (rolpassword) on pg_catalog.pg_authid"]],
    ["the query of a view", "CREATE VIEW s.v AS SELECT a FROM s.t", ["SELECT (a) on s.t?"]],
    ["ANALYZE, which only warns", "ANALYZE s.t", ["VACUUM on s.t"]],
    ["VACUUM", "VACUUM (FULL) s.t, u", ["VACUUM on s.t", "VACUUM on u"]],
    ["REINDEX", "REINDEX SCHEMA CONCURRENTLY s", ["OWNER on schema s"]],
    ["sequences that are reset", "TRUNCATE s.t RESTART IDENTITY", ["TRUNCATE on s.t", "OWNER on s.t?"]],
    ["quoted sequences", `SELECT nextval('"S"."My ""q"""')`, [`USAGE on sequence S.My "q"`]],
    ["sequences in upper case", "SELECT currval('S.Q')", ["USAGE on sequence s.q"]],
    [
      "sequences of a column",
      `SELECT setval(pg_get_serial_sequence('"T"', 'id'), coalesce(max(id), 1)) FROM "T"`,
      ["UPDATE on sequence T.id", "SELECT (id) on T"],
    ],
    ["functions of TimescaleDB", "SELECT create_hypertable('s.t', 'at')", ["OWNER on s.t"]],
  ])("%s", async (_, sql, expected) => {
    expect(await uses(sql)).toEqual(expected);
  });
});

test.each([
  ["LISTEN tickets", { listens: ["tickets"] }],
  ["UNLISTEN *", {}],
  ["NOTIFY tickets, 'x'", { notifies: ["tickets"] }],
  ["SELECT pg_notify('tickets', $1), pg_notify($2, 'x')", { notifies: ["tickets", "*"] }],
  [
    "SELECT pg_advisory_lock(1), pg_try_advisory_xact_lock(2)",
    { sessionAdvisoryLocks: 1, transactionAdvisoryLocks: 1 },
  ],
  ["SELECT pg_advisory_unlock(1)", {}],
  ["COPY s.t (a) FROM STDIN", { copies: ["COPY s.t FROM STDIN"] }],
  ["COPY (SELECT 1) TO STDOUT", { copies: ["COPY (query) TO STDOUT"] }],
  ["CREATE TEMP TABLE x (a int)", { temporaryTables: ["x"] }],
  ["SELECT 1 AS a INTO TEMP x", { temporaryTables: ["x"] }],
  [
    "SET LOCAL statement_timeout = 5",
    { settings: [{ name: "statement_timeout", value: "5", isLocal: true, count: 1 }] },
  ],
  ["SET TIME ZONE 'UTC'", { settings: [{ name: "timezone", value: "UTC", isLocal: false, count: 1 }] }],
  ["SET jit TO off", { settings: [{ name: "jit", value: "off", isLocal: false, count: 1 }] }],
  [
    "SELECT set_config('app.tenant', $1, true)",
    { settings: [{ name: "app.tenant", value: "*", isLocal: true, count: 1 }] },
  ],
  ["RESET ROLE", {}],
  ["PREPARE p AS SELECT 1", { hasSessionState: true }],
  ["DECLARE c CURSOR WITH HOLD FOR SELECT 1", { hasSessionState: true }],
  ["DECLARE c CURSOR FOR SELECT 1", {}],
  ["BEGIN", {}],
])("habits of %s", async (sql, expected) => {
  expect((await only(sql)).habits).toEqual({ ...emptyHabits(), ...expected });
});

test.each([
  ["SET ROLE x", ["x"]],
  ["SET SESSION AUTHORIZATION x", ["x"]],
  ["SET ROLE NONE", []],
])("%s", async (sql, becomes) => {
  expect((await only(sql)).habits.becomes).toEqual(becomes);
});

test.each([
  [`SET search_path TO a, "B", 'c d'`, `a, "B", "c d"`],
  ["SELECT set_config('search_path', 'a, b', false)", "a, b"],
  ["RESET search_path", null],
  ["SET search_path TO DEFAULT", null],
  ["DISCARD ALL", null],
  ["RESET ALL", null],
  ["SET jit = off", undefined],
])("search_path after %s", async (sql, expected) => {
  expect((await only(sql)).searchPath).toBe(expected);
});

test("prepared statements are known by their names", async () => {
  const [prepare, execute, one, all] = await effectsOf(
    `PREPARE "Find é" (numeric(10, 2)) AS SELECT a AS b FROM s.t; EXECUTE p(s.f(1)); DEALLOCATE p; DEALLOCATE ALL`,
  );
  expect(prepare).toMatchObject({ prepares: { name: "Find é", sql: "SELECT a AS b FROM s.t" }, uses: [] });
  expect(execute).toMatchObject({ executes: "p", calls: [{ function: { schema: "s", name: "f" } }] });
  expect([one?.deallocates, all?.deallocates]).toEqual(["p", "*"]);
});

test("calls have their constants", async () => {
  expect((await only("SELECT s.f('a', b, c => 'd') FROM t")).calls).toEqual([
    { function: { schema: "s", name: "f" }, argumentCount: 3, isProcedure: false, constants: ["a", undefined, "d"] },
  ]);
  expect((await only("CALL p(1)")).calls).toMatchObject([{ function: { name: "p" }, isProcedure: true }]);
});

test("DO has a body", async () => {
  expect((await only("DO LANGUAGE plpython3u $$pass$$")).bodies).toEqual([{ language: "plpython3u", source: "pass" }]);
  expect((await only("DO $$BEGIN END$$")).bodies).toEqual([{ language: "plpgsql", source: "BEGIN END" }]);
});

test.each([
  ["COPY t FROM '/tmp/x'", "COPY FROM a file needs pg_read_server_files"],
  ["COPY t TO PROGRAM 'cat'", "COPY TO PROGRAM needs pg_execute_server_program"],
  ["SELECT nextval($1)", "nextval of a sequence that is computed"],
  ["SELECT query_to_xml($1, true, false, '')", "query_to_xml runs SQL that is computed"],
  ["SELECT * FROM dblink('x', 'SELECT 1') AS x(a int)", "dblink connects to another database"],
  ["SELECT lo_get(1)", "large objects have owners of their own"],
  ["TRUNCATE t CASCADE", "TRUNCATE ... CASCADE also needs TRUNCATE on the tables that reference these"],
  ["CREATE ROLE x", "CREATE ROLE needs CREATEROLE"],
  ["ALTER TABLE t OWNER TO x", "ALTER ... OWNER TO x needs SET ROLE to it, and its CREATE on the schema"],
  ["GRANT SELECT ON ALL TABLES IN SCHEMA s TO x", "GRANT on all objects in s needs their ownership"],
])("%s is known in part only", async (sql, reason) => {
  expect((await only(sql)).unknown).toEqual([reason]);
});

test.each([
  ["CREATE TABLE IF NOT EXISTS t (a int)", "CREATE TABLE", "table", "t", true],
  ["CREATE TEMP TABLE t AS SELECT 1", "CREATE TABLE AS", "table", "t", false],
  ["CREATE MATERIALIZED VIEW s.m AS SELECT 1", "CREATE MATERIALIZED VIEW", "table", "m", false],
  ["CREATE OR REPLACE FUNCTION s.f() RETURNS int LANGUAGE sql AS ''", "CREATE FUNCTION", "function", "f", true],
  ["CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t (a)", "CREATE INDEX", "table", "t", true],
  ["CREATE EXTENSION IF NOT EXISTS hstore", "CREATE EXTENSION", "other", "hstore", true],
  ["CREATE SEQUENCE s.q OWNED BY s.t.id", "CREATE SEQUENCE", "sequence", "q", false],
  ["ALTER TABLE s.t ADD COLUMN IF NOT EXISTS a int", "ALTER TABLE", "table", "t", true],
  ["ALTER TABLE s.t ADD COLUMN a int", "ALTER TABLE", "table", "t", false],
  ["ALTER TYPE s.e ADD VALUE IF NOT EXISTS 'x'", "ALTER TYPE", "type", "e", true],
  ["DROP TRIGGER x ON s.t", "DROP TRIGGER", "table", "t", false],
  ["DROP INDEX IF EXISTS s.i", "DROP INDEX", "table", "i", false],
  ["COMMENT ON COLUMN s.t.a IS 'x'", "COMMENT", "table", "t", false],
  ["ALTER DATABASE d SET jit = off", "ALTER DATABASE", "database", "d", false],
])("%s is DDL", async (sql, command, kind, name, ifNotExists) => {
  const { ddl } = await only(sql);
  expect(ddl).toMatchObject([{ command, kind, object: { name }, ifNotExists, isTemporary: sql.includes("TEMP") }]);
});

test.each(["", ";", "-- nothing", "BEGIN", "REFRESH MATERIALIZED VIEW m", "TRUNCATE t"])(
  "%j is no DDL",
  async (sql) => {
    expect((await effectsOf(sql)).flatMap(({ ddl }) => ddl)).toEqual([]);
  },
);

test("parameters of a function are no columns", async () => {
  const [effects] = await effectsOf("SELECT a FROM s.t WHERE id = wanted", new Set(["wanted"]));
  expect(effects?.uses.map(line)).toEqual(["SELECT (a, id) on s.t"]);
});

test("a statement that is nested too deeply is refused, and the next one is read", async () => {
  await expect(effectsOf(`SELECT ${"a || ".repeat(20_000)} b FROM t`)).rejects.toThrow(UnparsableStatement);
  expect(await uses("SELECT a FROM t")).toEqual(["SELECT (a) on t"]);
});

test("a text that is not SQL is refused with the parser's message and position", async () => {
  const error = await effectsOf("SELECT 1 FROM FROM").catch((each: unknown) => each);
  expect(error).toBeInstanceOf(UnparsableStatement);
  expect(error).toMatchObject({ message: 'syntax error at or near "FROM"', position: 15 });
});

describe("a body of PL/pgSQL", () => {
  const body = (text: string) => `CREATE FUNCTION s.f(a int) RETURNS SETOF s.t LANGUAGE plpgsql AS $x$ ${text} $x$`;
  test.each([
    ["DO $x$ DECLARE i int := 4; BEGIN DELETE FROM s.u WHERE a = i; END $x$", ["DELETE on s.u", "SELECT (a) on s.u"]],
    [body("DECLARE v int; BEGIN v := (SELECT max(b) FROM s.z); END"), ["SELECT (b) on s.z"]],
    [body("DECLARE r s.t%ROWTYPE; BEGIN r.b = 1; INSERT INTO s.t VALUES (r.*); END"), ["INSERT on s.t"]],
    [body("DECLARE c CURSOR FOR SELECT b FROM s.c; BEGIN OPEN c; END"), ["SELECT (b) on s.c"]],
    [body("BEGIN RETURN QUERY SELECT * FROM s.t WHERE id = a; END"), ["SELECT on s.t"]],
    [body("BEGIN IF EXISTS (SELECT FROM s.t) THEN DELETE FROM s.u; END IF; END"), ["SELECT on s.t", "DELETE on s.u"]],
    [body("BEGIN EXECUTE 'DELETE FROM s.u'; END"), ["DELETE on s.u"]],
  ])("%s", async (sql, expected) => {
    expect((await effectsOfPlpgsql(sql)).flatMap((each) => each.uses.map(line))).toEqual(expected);
  });

  test("with SQL that is computed is known in part only", async () => {
    const all = await effectsOfPlpgsql(body("BEGIN EXECUTE format('TRUNCATE %I', a); END"));
    expect(all.flatMap(({ unknown }) => unknown)).toEqual(["dynamic EXECUTE"]);
  });

  test("that cannot be parsed is refused", async () => {
    await expect(effectsOfPlpgsql(body("BEGIN nonsense; END"))).rejects.toThrow(UnparsableStatement);
  });
});
