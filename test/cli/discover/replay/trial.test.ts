import { expect, test } from "vitest";
import { trialsOf } from "../../../../cli/discover/replay/trial.ts";

const trials = (sql: string, prepared: string[] = []) => trialsOf(sql, new Set(prepared));

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
