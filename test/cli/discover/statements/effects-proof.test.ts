import { type Client, escapeIdentifier } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Effects, NamedUse, ObjectName } from "../../../../cli/discover/statements/effects.ts";
import { effectsOf } from "../../../../cli/discover/statements/effects-of.ts";
import { availableVersions } from "../../../../sandbox/postgres/server.ts";
import { startPostgres, type TestPostgres } from "../../../provider/postgres.ts";

const objects = `
  CREATE SCHEMA s; CREATE SCHEMA s2; CREATE SCHEMA "Odd ""Name";
  CREATE TABLE s.t (id int PRIMARY KEY, a int, b text, c text);
  CREATE TABLE s.u (id int PRIMARY KEY, t_id int, b text, tags text[]);
  CREATE TABLE "Odd ""Name"."T" ("Id" int, x int);
  CREATE TABLE s.part (id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE s.rest PARTITION OF s.part DEFAULT;
  CREATE TABLE s.whole (id int, at date);
  CREATE INDEX of_a ON s.t (a);
  CREATE VIEW s.v AS SELECT id, a FROM s.t;
  CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS one;
  CREATE SEQUENCE s.q;
  CREATE TYPE s.mood AS ENUM ('sad', 'happy');
  CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
  CREATE FUNCTION s.rows() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION s.changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE PROCEDURE s.p(int) LANGUAGE sql AS 'SELECT 1';
  REVOKE ALL ON ALL ROUTINES IN SCHEMA s FROM PUBLIC;
  REVOKE ALL ON TYPE s.mood FROM PUBLIC;
  REVOKE ALL ON DATABASE postgres FROM PUBLIC;
  INSERT INTO s.t VALUES (1, 1, 'one', 'c');
  INSERT INTO s.u VALUES (1, 1, 'one', '{}');
  CREATE ROLE r;
`;

/** Each with the first version that has it. */
const statements: [sql: string, since?: number][] = [
  ["SELECT a, b FROM s.t WHERE id = 1"],
  ["SELECT * FROM s.t"],
  ["SELECT count(*) FROM s.t"],
  ["SELECT t FROM s.t"],
  ["SELECT row_to_json(x) FROM s.t x"],
  ["SELECT x.a, y.b FROM s.t AS x LEFT JOIN s.u AS y ON y.t_id = x.id ORDER BY y.id"],
  ["SELECT a AS id FROM s.t ORDER BY id"],
  ["SELECT lower(b) AS name, count(*) FROM s.t GROUP BY name HAVING max(a) > 0"],
  ["SELECT a FROM s.t JOIN s.u USING (id)"],
  ["SELECT 1 FROM s.t NATURAL JOIN s.u"],
  ["SELECT a FROM s.t WHERE EXISTS (SELECT 1 FROM s.u WHERE u.t_id = t.id)"],
  ["SELECT (SELECT max(b) FROM s.u) FROM s.t"],
  ["SELECT x.n FROM (SELECT a AS n, c FROM s.t) x"],
  ["SELECT n, id FROM (SELECT a AS n FROM s.t) x, s.u"],
  ["SELECT t.a, l.b FROM s.t, LATERAL (SELECT u.b FROM s.u WHERE u.t_id = t.id) l"],
  ["SELECT tag FROM s.u, unnest(tags) AS tag"],
  ["SELECT a FROM s.t UNION ALL SELECT id FROM s.u ORDER BY a LIMIT 1"],
  ["WITH t AS (SELECT id FROM s.u) SELECT id FROM t"],
  ["WITH RECURSIVE n(i) AS (SELECT min(a) FROM s.t UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n"],
  ["WITH gone AS (DELETE FROM s.t WHERE id = 1 RETURNING a) SELECT a FROM gone"],
  ["SELECT s.f(a) FROM s.t"],
  ["SELECT r FROM s.rows() AS r"],
  ["SELECT a, sum(a) OVER (PARTITION BY b ORDER BY c) FROM s.t"],
  ["SELECT a, string_agg(b, ',' ORDER BY c) FILTER (WHERE id > 0) FROM s.t GROUP BY a"],
  ["SELECT a FROM s.t WHERE id = 1 FOR UPDATE"],
  ["SELECT x.a FROM s.t x JOIN s.u y ON y.t_id = x.id FOR SHARE OF x"],
  ["SELECT a FROM (SELECT a FROM s.t) x FOR UPDATE"],
  ["SELECT id FROM s.v"],
  ["SELECT ctid FROM s.t"],
  [`SELECT "Id" FROM "Odd ""Name"."T"`],
  ["VALUES ((SELECT a FROM s.t))"],
  ["SELECT t.* FROM s.t"],
  ["SELECT (t).a FROM s.t"],
  ["SELECT s.t.a FROM s.t"],
  ["SELECT DISTINCT ON (b) a FROM s.t ORDER BY b, c"],
  ["SELECT a, b, count(*) FROM s.t GROUP BY GROUPING SETS ((a), (b), ())"],
  ["SELECT CASE WHEN a = 1 THEN b ELSE coalesce(c, 'x') END FROM s.t"],
  ["SELECT j.a FROM (s.t JOIN s.u ON t.id = u.t_id) AS j (id, a)"],
  ["SELECT x.two FROM s.t AS x (one, two)"],
  ["SELECT two FROM (SELECT id, a FROM s.t) AS x (one, two)"],
  ["SELECT n FROM (VALUES (1), (2)) AS x (n) WHERE n IN (SELECT a FROM s.t)"],
  ["SELECT id FROM s.t WHERE (a, b) IN (SELECT t_id, b FROM s.u)"],
  ["SELECT id FROM s.t WHERE a = ANY (ARRAY(SELECT t_id FROM s.u))"],
  ["SELECT g FROM s.t, generate_series(1, a) AS g"],
  ["SELECT x.a, y.b FROM s.t x, s.u y, LATERAL (SELECT max(z.id) FROM s.t z WHERE z.b = y.b) m"],
  ["WITH a AS (SELECT id FROM s.u), b AS (SELECT id FROM a) SELECT a FROM s.t WHERE id IN (SELECT id FROM b)"],
  ["SELECT (WITH x AS (SELECT t_id FROM s.u WHERE u.id = t.id) SELECT max(t_id) FROM x) FROM s.t"],
  ["SELECT a FROM s.t WINDOW w AS (ORDER BY b)"],
  ["SELECT max(a) FROM s.t HAVING bool_or(b = 'x')"],
  ["SELECT x.b FROM s.t, xmltable('/r' PASSING xmlparse(DOCUMENT t.b) COLUMNS b text) x WHERE t.a < 0"],
  ["SELECT x.n FROM s.t, json_table(to_json(t.b), '$' COLUMNS (n text PATH '$')) x", 17],
  ["SELECT json_object('a': b) FROM s.t", 16],
  ["SELECT a FROM s.t FETCH FIRST 1 ROW ONLY"],
  ["SELECT a FROM s.t OFFSET (SELECT count(*) FROM s.u)"],
  ["SELECT id FROM s.v FOR UPDATE"],
  ["TABLE s.t"],
  ["SELECT id FROM ONLY s.t TABLESAMPLE SYSTEM (10)"],
  ["SELECT 's.t'::regclass, 'happy'::s.mood"],
  ["SELECT query_to_xml('SELECT a FROM s.t', true, false, '')"],
  ["INSERT INTO s.t (id, a) VALUES (2, 2)"],
  ["INSERT INTO s.t VALUES (2, 2, 'b', 'c')"],
  ["INSERT INTO s.part DEFAULT VALUES"],
  ["INSERT INTO s.t (id, a) SELECT id + 10, t_id FROM s.u"],
  ["INSERT INTO s.t (id, a) VALUES (2, 2) RETURNING b"],
  ["INSERT INTO s.t AS x (id) VALUES (1) ON CONFLICT DO NOTHING"],
  ["INSERT INTO s.t (id) VALUES (1) ON CONFLICT (id) DO NOTHING"],
  ["INSERT INTO s.t (id) VALUES (1) ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING"],
  ["INSERT INTO s.t (id, a) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET a = 1"],
  ["INSERT INTO s.t (id, a) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = t.c WHERE t.b <> ''"],
  ["INSERT INTO s.t (id, b) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET a = 1, b = excluded.c"],
  ["WITH n AS (SELECT b FROM s.u) INSERT INTO s.t (id, b) SELECT 3, b FROM n"],
  ["UPDATE s.t SET a = 1"],
  ["UPDATE s.t SET a = a + 1 WHERE id = 1"],
  ["UPDATE s.t AS x SET (a, b) = (SELECT t_id, b FROM s.u WHERE id = x.id)"],
  ["UPDATE s.t SET b = u.b FROM s.u WHERE u.t_id = t.id RETURNING t.c"],
  ["UPDATE s.u SET tags[1] = 'x'"],
  ["UPDATE s.t SET a = 1 RETURNING old.b", 18],
  ["DELETE FROM s.t"],
  ["DELETE FROM s.t WHERE id = 1 RETURNING *"],
  ["DELETE FROM s.t USING s.u WHERE u.t_id = t.id"],
  [
    `MERGE INTO s.t USING s.u ON t.id = u.id WHEN MATCHED AND t.a > 1 THEN UPDATE SET b = u.b
     WHEN NOT MATCHED THEN INSERT (id) VALUES (u.id)`,
    15,
  ],
  ["MERGE INTO s.t USING (SELECT 1 AS n) x ON t.id = n WHEN MATCHED THEN DELETE", 15],
  ["DELETE FROM s.t WHERE a IN (SELECT t_id FROM s.u WHERE b = '')"],
  ["UPDATE s.t SET a = DEFAULT, b = CASE WHEN c = '' THEN 'x' ELSE b END"],
  ["UPDATE s.t x SET a = y.t_id FROM s.u y JOIN s.t z ON z.id = y.t_id WHERE x.id = z.id"],
  ["WITH x AS (UPDATE s.t SET a = 1 RETURNING id) INSERT INTO s.u (id) SELECT id + 100 FROM x"],
  ["INSERT INTO s.u (id, b) WITH x AS (SELECT a FROM s.t) SELECT 100 + a, 'x' FROM x"],
  ["TRUNCATE s.t"],
  ["LOCK TABLE s.t IN ACCESS SHARE MODE"],
  ["LOCK TABLE s.t IN ROW EXCLUSIVE MODE"],
  ["LOCK TABLE s.t IN SHARE MODE"],
  ["LOCK TABLE s.t"],
  ["COPY s.t (id, a) FROM STDIN"],
  ["COPY s.t (id, a) FROM STDIN WHERE b = ''"],
  ["COPY s.t FROM STDIN"],
  ["COPY s.t (b) TO STDOUT"],
  ["COPY (SELECT a FROM s.t WHERE b = '') TO STDOUT"],
  ["EXPLAIN DELETE FROM s.t WHERE id = 1"],
  ["DECLARE c CURSOR FOR SELECT a FROM s.t"],
  ["CALL s.p(s.f(1))"],
  ["SELECT nextval('s.q')"],
  ["SELECT setval('s.q'::regclass, 1)"],
  ["REFRESH MATERIALIZED VIEW s.m"],
  ["CREATE TABLE s.n (id int, m s.mood)"],
  ["CREATE TABLE n (id int)"],
  ["CREATE TABLE IF NOT EXISTS s.t (id int)"],
  ["CREATE TABLE s.n (id int REFERENCES s.t (id))"],
  ["CREATE TABLE s.n (LIKE s.t)"],
  ["CREATE TABLE s.n PARTITION OF s.part FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')"],
  ["CREATE TABLE s.n AS SELECT a FROM s.t"],
  ["SELECT a INTO s.n FROM s.t"],
  ["CREATE TEMP TABLE n AS SELECT a FROM s.t"],
  ["CREATE TEMP TABLE n (a int)"],
  ["CREATE VIEW s.w AS SELECT 1"],
  ["CREATE MATERIALIZED VIEW s.w AS SELECT a FROM s.t"],
  ["CREATE INDEX ON s.t (a)"],
  ["CREATE SEQUENCE s.n"],
  ["CREATE SCHEMA n"],
  ["CREATE SCHEMA IF NOT EXISTS s"],
  ["CREATE FUNCTION s.n(s.mood) RETURNS int LANGUAGE sql AS 'SELECT 1'"],
  ["CREATE TRIGGER n BEFORE UPDATE ON s.t FOR EACH ROW EXECUTE FUNCTION s.changed()"],
  ["CREATE TYPE s.n AS ENUM ('a')"],
  ["CREATE TYPE s.n AS (m s.mood)"],
  ["CREATE DOMAIN s.n AS s.mood"],
  ["CREATE STATISTICS s.n ON a, b FROM s.t"],
  ["CREATE PUBLICATION n FOR TABLE s.t"],
  ["CREATE POLICY n ON s.t"],
  ["CREATE RULE n AS ON INSERT TO s.t DO NOTHING"],
  ["ALTER TABLE s.t ADD COLUMN IF NOT EXISTS n int"],
  ["ALTER TABLE s.t ADD FOREIGN KEY (a) REFERENCES s.u (id)"],
  ["ALTER TABLE s.t ADD COLUMN n int REFERENCES s.u (id)"],
  ["ALTER TABLE s.part ATTACH PARTITION s.whole FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')"],
  ["ALTER TABLE s.t RENAME TO n"],
  ["ALTER TABLE s.t RENAME COLUMN a TO n"],
  ["ALTER TABLE s.t SET SCHEMA s2"],
  ["ALTER INDEX s.t_pkey RENAME TO n"],
  ["ALTER SEQUENCE s.q RESTART"],
  ["ALTER TYPE s.mood RENAME VALUE 'sad' TO 'n'"],
  ["ALTER FUNCTION s.f(int) STABLE"],
  ["ALTER SCHEMA s2 RENAME TO n"],
  ["DROP TABLE s.u"],
  ["DROP VIEW s.v"],
  ["DROP INDEX s.of_a"],
  ["DROP FUNCTION s.f(int)"],
  ["DROP SCHEMA s2"],
  ["COMMENT ON TABLE s.t IS 'x'"],
  ["COMMENT ON COLUMN s.t.a IS 'x'"],
  ["COMMENT ON SCHEMA s2 IS 'x'"],
  ["ALTER TABLE s.t DISABLE TRIGGER USER"],
  ["GRANT SELECT ON s.t TO PUBLIC"],
  ["REVOKE ALL ON s.t FROM PUBLIC"],
  ["GRANT USAGE ON SCHEMA s2 TO PUBLIC"],
  ["REINDEX TABLE s.t"],
  ["REINDEX INDEX s.t_pkey"],
  ["CLUSTER s.t USING t_pkey"],
  ["CREATE TABLE s.n (m s.mood) INHERITS (s.t)"],
  ["CREATE AGGREGATE s.n (int) (sfunc = int4pl, stype = int)"],
];

/** What they need, one privilege on one column each. */
interface Grant {
  use: NamedUse;
  column?: string;
}

/** The catalog knows the table of an index. */
const tableOf: Record<string, string> = { t_pkey: "t", of_a: "t" };

const quoted = ({ schema, name }: ObjectName) =>
  [...(schema === undefined ? [] : [schema]), name].map((part) => escapeIdentifier(tableOf[part] ?? part)).join(".");

/** USAGE on the schemas of objects. */
function usageOf(uses: NamedUse[], certainty: NamedUse["certainty"]): NamedUse[] {
  const schemas = new Set(uses.flatMap(({ object: { schema } }) => (schema === undefined ? [] : [schema])));
  return [...schemas].map((name) => ({ kind: "schema", object: { name }, privilege: "USAGE", certainty }));
}

const inSearchPath: NamedUse = {
  kind: "table",
  object: { schema: "s", name: "t" },
  privilege: "",
  certainty: "likely",
};

function grantsOf(effects: Effects): Grant[] {
  const called = effects.calls.flatMap(({ function: object, isProcedure }): NamedUse[] =>
    object.schema === undefined || object.schema === "pg_catalog"
      ? []
      : [{ kind: isProcedure ? "other" : "function", object, privilege: "EXECUTE", certainty: "certain" }],
  );
  const named = [...effects.uses, ...called];
  const all = [...named, ...effects.ddl.flatMap(({ needs }) => needs)];
  const looksUp = named.filter(
    ({ object }) => !named.some((use) => use.kind === "schema" && use.object.name === object.schema),
  );
  // Of a definition CREATE on the schema can be enough.
  const usage = effects.ddl.length > 0 ? usageOf([...all, inSearchPath], "likely") : usageOf(looksUp, "certain");
  return [...all, ...usage].flatMap((use): Grant[] => use.columns?.map((column) => ({ use, column })) ?? [{ use }]);
}

function sqlOf({ use, column }: Grant, version: number): string {
  const { kind, object, privilege } = use;
  const name = object.name === "" ? (kind === "database" ? "postgres" : "s") : quoted(object);
  const word = { table: "TABLE", sequence: "SEQUENCE", function: "ROUTINE", other: "ROUTINE" }[kind as string] ?? kind;
  if (privilege === "OWNER" || (privilege === "MAINTAIN" && version < 17)) return `CALL own('${kind}', $$${name}$$)`;
  return `GRANT ${privilege}${column === undefined ? "" : ` (${escapeIdentifier(column)})`} ON ${word} ${name} TO r`;
}

describe.each(availableVersions())("PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    admin = await postgres.connect({ database: "postgres" });
    await admin.query(objects);
    await admin.query(`CREATE PROCEDURE own(kind text, name text) LANGUAGE plpgsql AS $$
      DECLARE what text := upper(kind);
      BEGIN
        IF kind = 'table' THEN
          SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END INTO what
            FROM pg_class WHERE oid = name::regclass;
        ELSIF kind = 'function' THEN what := 'ROUTINE';
        END IF;
        EXECUTE format('ALTER %s %s OWNER TO r', what, name);
      END $$`);
  });
  afterAll(() => postgres.stop());

  /** The error's code if the role runs the statement with these grants, in a transaction that is rolled back. */
  async function runWith(sql: string, grants: Grant[]): Promise<string | undefined> {
    await admin.query(["BEGIN", ...grants.map((grant) => sqlOf(grant, version))].join(";\n"));
    try {
      await admin.query("SET LOCAL ROLE r; SET LOCAL search_path = s");
      await admin.query(sql);
      return undefined;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return `${code} ${message}`;
    } finally {
      await admin.query("ROLLBACK");
    }
  }

  test.each(["VACUUM", "ANALYZE"])("%s of a table of another role only warns", async (command) => {
    const warnings: (string | undefined)[] = [];
    const noted = ({ message }: { message?: string | undefined }) => warnings.push(message);
    admin.on("notice", noted);
    try {
      await admin.query("GRANT USAGE ON SCHEMA s TO r");
      await admin.query("SET ROLE r");
      await admin.query(`${command} s.t`);
    } finally {
      await admin.query("RESET ROLE");
      await admin.query("REVOKE USAGE ON SCHEMA s FROM r");
      admin.off("notice", noted);
    }
    expect(warnings).toEqual([
      expect.stringMatching(/^(skipping "t" --- only|permission denied to \w+ "t", skipping)/),
    ]);
  });

  test.each(statements.filter(([, since = 0]) => version >= since))("%s", async (sql) => {
    const [effects] = await effectsOf(sql);
    const grants = grantsOf(effects as Effects);
    // The driver has nothing to copy.
    const expected = sql.includes("FROM STDIN") ? expect.stringContaining("57014") : undefined;
    expect(await runWith(sql, grants), "with all privileges").toEqual(expected);
    for (const missing of grants.filter(({ use }) => use.certainty === "certain")) {
      const others = grants.filter((grant) => grant !== missing);
      expect(await runWith(sql, others), `without ${sqlOf(missing, version)}`).toMatch(/^42501 /);
    }
  });
});
