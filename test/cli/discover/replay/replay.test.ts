import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Statement, Use } from "../../../../cli/discover/evidence.ts";
import { type Recorded, replay } from "../../../../cli/discover/replay/replay.ts";
import type { RehearsalGoal } from "../../../../provider/rehearsal/goal.ts";
import { availableVersions } from "../../../../sandbox/postgres/server.ts";
import { startPostgres, type TestPostgres } from "../../../provider/postgres.ts";

const goal: RehearsalGoal = {
  database: "postgres",
  schemas: ["s"],
  owner: "s_owner",
  keepOwner: {},
  alsoOwn: [],
  roles: [
    { role: "s_owner", access: "owner", settings: {} },
    {
      role: "writer_app",
      access: "writer",
      grants: { schemas: { other: ["USAGE"] }, tables: { "other.log": ["INSERT", "SELECT"] } },
      settings: { search_path: "s" },
    },
    { role: "reader_app", access: "reader", settings: {} },
  ],
};

function statement(text: string, more: Partial<Statement> = {}): Statement {
  return { text, database: "postgres", user: "postgres", count: 1, source: "log", ...more };
}

const recorded = (role: string, texts: (string | Statement)[], uses: Use[] = []): Recorded => ({
  role,
  statements: texts.map((each) => (typeof each === "string" ? statement(each) : each)),
  uses,
});

describe.each(availableVersions())("PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let admin: Client;
  let before: unknown;

  const played = (...all: Recorded[]) => replay(admin, goal, all);
  const state = async () =>
    (
      await admin.query(
        `SELECT (SELECT array_agg(rolname ORDER BY 1) FROM pg_roles) AS roles, (SELECT count(*) FROM s.t) AS rows,
                (SELECT is_called FROM s.q) AS called, (SELECT array_agg(relacl::text ORDER BY 1) FROM pg_class) AS acls,
                (SELECT count(*) FROM pg_proc WHERE proname LIKE 'app_roles%') AS gates`,
      )
    ).rows[0];

  beforeAll(async () => {
    postgres = await startPostgres(version);
    admin = await postgres.connect({ database: "postgres" });
    await admin.query(`
      CREATE SCHEMA s; CREATE SCHEMA other; CREATE TABLE s.t (id int, a text); CREATE TABLE s.u (id int);
      CREATE TABLE other.log (id int); CREATE TABLE other.secret (id int); CREATE SEQUENCE s.q;
      CREATE FUNCTION s.effect() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT nextval(''s.q'')';
      CREATE PROCEDURE other.p() LANGUAGE sql AS ''; REVOKE ALL ON PROCEDURE other.p() FROM PUBLIC;
      GRANT USAGE ON SCHEMA other TO PUBLIC`);
    before = await state();
  });
  afterAll(() => postgres.stop());

  test("what the roles are to be granted allows their statements, and nothing is run", async () => {
    const result = await played(
      recorded("writer_app", [
        "SELECT a FROM t WHERE id = $1 LIMIT $2",
        "INSERT INTO s.t (id) SELECT s.effect()",
        "UPDATE s.t SET a = $1 WHERE id = $2",
        "INSERT INTO other.log VALUES (nextval('s.q'))",
        "COPY s.t (id) FROM STDIN",
        "LOCK TABLE s.t IN ROW EXCLUSIVE MODE",
        "PREPARE p (int) AS DELETE FROM s.t WHERE id = $1",
        "EXECUTE p(1)",
        "SELECT 1 -- a comment",
        statement("SELECT id FROM log", { searchPath: "other" }),
        "SET search_path = s",
      ]),
      recorded("s_owner", ["DELETE FROM s.u USING s.t", "TRUNCATE s.t"]),
      recorded("reader_app", ["SELECT count(*) FROM s.t"]),
    );
    expect(result).toMatchObject({ database: "postgres", denied: [], untried: [], tried: 12 });
    expect(await state()).toEqual(before);
  });

  test("what they lack is denied", async () => {
    const { denied, untried } = await played(
      recorded("reader_app", [
        statement("INSERT INTO s.t VALUES (1, 'secret')", { count: 3 }),
        statement("INSERT INTO s.t VALUES (2, 'other')"),
        "SELECT nextval('s.q')",
        "COPY s.t FROM STDIN",
        "CALL other.p()",
      ]),
      recorded("writer_app", ["SELECT * FROM other.secret", "TRUNCATE s.t"]),
    );
    expect(untried).toEqual([]);
    expect(denied.map(({ role, example, message, count }) => [role, example, message, count])).toEqual([
      ["reader_app", "INSERT INTO s.t VALUES ($1, $2)", "permission denied for table t", 4],
      ["reader_app", "SELECT nextval($1)", "permission denied for sequence q", 1],
      ["reader_app", "COPY s.t FROM STDIN", "permission denied for table t", 1],
      ["reader_app", "CALL other.p()", "permission denied for procedure p", 1],
      ["writer_app", "SELECT * FROM other.secret", "permission denied for table secret", 1],
      ["writer_app", "TRUNCATE s.t", "permission denied for table t", 1],
    ]);
    expect(await state()).toEqual(before);
  });

  test("what cannot be tried is named", async () => {
    const other = await postgres.connect({ database: "postgres" });
    await other.query("BEGIN; LOCK TABLE s.u IN ACCESS EXCLUSIVE MODE");
    const { untried, denied, tried } = await played(
      recorded("writer_app", [
        "CREATE TABLE s.n (a int)",
        "SELECT id FROM s.gone",
        "SELECT id FROM s.u",
        "SELECT id FROM s.t",
      ]),
    );
    await other.query("ROLLBACK");
    expect(untried.map(({ reason, example }) => `${example}: ${reason}`)).toEqual([
      "CREATE TABLE s.n (a int): DDL is not tried: its locks would block the services",
      'SELECT id FROM s.gone: Postgres refuses it for another reason: relation "s.gone" does not exist (42P01)',
      "SELECT id FROM s.u: another session has locked what it uses",
    ]);
    expect([denied, tried]).toEqual([[], 1]);
  });

  test("statements on temporary tables are tried by their other privileges", async () => {
    const { untried, denied, tried } = await played(
      recorded("reader_app", [
        "CREATE TEMP TABLE tmp (id int, a text) ON COMMIT DROP",
        "INSERT INTO tmp VALUES (1, 'a')",
        "INSERT INTO tmp SELECT id, a FROM s.t",
        "INSERT INTO s.t SELECT id, a FROM tmp",
      ]),
    );
    expect([untried, tried]).toEqual([[], 3]);
    expect(denied.map(({ example }) => example)).toEqual(["INSERT INTO s.t SELECT id, a FROM tmp"]);
  });

  test("what Postgres says does not repeat a constant", async () => {
    const result = await played(
      recorded("writer_app", [
        "SELECT 1 FROM s.t WHERE id = 'hunter2'",
        "SELECT 'hunter2'::regclass",
        "SELECT 'hunter2' FROM FROM",
      ]),
    );
    expect(JSON.stringify(result)).not.toContain("hunter2");
    expect(result.untried.map(({ reason }) => /\((\w+)\)$/.exec(reason)?.[1])).toContain("22P02");
  });

  test("a text that is several statements for the server cannot leave the transaction", async () => {
    await admin.query("SET standard_conforming_strings = off");
    const { untried } = await played(recorded("s_owner", [`SELECT '\\' || '; COMMIT; DROP TABLE s.t; --'`]));
    await admin.query("SET standard_conforming_strings = on");
    expect(untried).toMatchObject([{ reason: expect.stringContaining("(0A000)") }]);
    expect(await state()).toEqual(before);
  });

  test("used and granted table privileges are counted", async () => {
    const use = (privilege: string, schema: string, name: string): Use => ({
      kind: "table",
      schema,
      name,
      privilege,
      count: 1,
      example: "",
      certainty: "certain",
    });
    const uses = [use("SELECT", "s", "t"), use("INSERT", "other", "log"), use("SELECT", "other", "secret")];
    const { usage } = await played(recorded("writer_app", [], uses), recorded("reader_app", [], uses));
    expect(usage).toEqual([
      { role: "writer_app", used: 2, granted: 10, extra: ["SELECT on other.log"] },
      { role: "reader_app", used: 1, granted: 2, extra: [] },
    ]);
  });
});
