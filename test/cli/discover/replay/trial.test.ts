import { expect, test } from "vitest";
import { trialsOf } from "../../../../cli/discover/replay/trial.ts";

const trials = (sql: string, prepared: string[] = []) =>
  trialsOf(sql, { prepared: new Set(prepared), temporary: new Set(["tmp"]) });

test.each([
  ["SELECT a FROM s.t WHERE id = $2 AND a > $1", "SELECT a FROM s.t WHERE id = $2 AND a > $1", 2],
  ["PREPARE p AS DELETE FROM s.t", "DELETE FROM s.t", 0],
  ["DECLARE c CURSOR FOR SELECT 1", "DECLARE c CURSOR FOR SELECT 1", 0],
  ["CREATE TEMP TABLE x AS SELECT a FROM s.t", "CREATE TEMP TABLE x AS SELECT a FROM s.t", 0],
])("%s is explained", async (sql, explain, parameters) => {
  expect(await trials(sql)).toEqual({ trials: [{ explain, parameters, uses: [], calls: [] }], untried: [] });
});

test("sequences are checked in addition", async () => {
  const found = await trials("SELECT nextval('s.q')");
  expect(found.trials).toMatchObject([{ uses: [{ kind: "sequence", privilege: "USAGE" }] }]);
});

test.each(["COPY s.t FROM STDIN", "TRUNCATE s.t", "LOCK TABLE s.t", "EXPLAIN ANALYZE DELETE FROM s.t"])(
  "%s is checked by its privileges",
  async (sql) => {
    const { trials: found, untried } = await trials(sql);
    expect(found).toMatchObject([{ uses: [{ object: { name: "t" } }] }]);
    expect([found[0]?.explain, untried]).toEqual([undefined, []]);
  },
);

test.each(["SET jit = off", "BEGIN", "LISTEN x", "CREATE TEMP TABLE x (a int)", "", "EXECUTE p"])(
  "%j needs no trial",
  async (sql) => {
    expect(await trials(sql, ["p"])).toEqual({ trials: [], untried: [] });
  },
);

test.each([
  ["CREATE TABLE s.t (a int)", "DDL is not tried"],
  ["SELECT 1 AS a INTO s.t", "DDL is not tried"],
  ["DO $$BEGIN END$$", "DO is not tried"],
  ["REFRESH MATERIALIZED VIEW s.m", "ownership is not tried"],
  ["COPY s.t TO PROGRAM 'cat'", "pg_execute_server_program"],
  ["EXECUTE p", "PREPARE was not recorded"],
  ["SELECT FROM FROM", "cannot be parsed"],
])("%s is not tried", async (sql, reason) => {
  expect(await trials(sql)).toEqual({ trials: [], untried: [expect.stringContaining(reason)] });
});

test.each([
  ["INSERT INTO tmp SELECT a FROM s.t", ["SELECT"]],
  ["UPDATE s.t SET a = tmp.a FROM tmp", ["UPDATE"]],
  ["COPY tmp FROM STDIN", []],
])("of %s on a temporary table the other privileges are checked", async (sql, privileges) => {
  const { trials: found, untried } = await trials(sql);
  expect(found.map(({ explain, uses }) => [explain, uses.map(({ privilege }) => privilege)])).toEqual([
    [undefined, privileges],
  ]);
  expect(untried).toEqual([]);
});

test.each(["DROP TABLE tmp", "CREATE INDEX ON tmp (a)", "ANALYZE tmp", "DROP TABLE pg_temp.x"])(
  "%s on a temporary table needs no trial",
  async (sql) => expect(await trials(sql)).toEqual({ trials: [], untried: [] }),
);

test("an unparsable text is not quoted", async () => {
  expect((await trials("SELECT 'secret' 'x' FROM 'hunter2'")).untried).toEqual(["it cannot be parsed"]);
});
