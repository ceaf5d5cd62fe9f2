import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalize, shapeOf } from "../../../../cli/discover/statements/normalize.ts";

describe("normalize", () => {
  test.each([
    ["SELECT * FROM t WHERE name = 'O''Hara' AND age > 42", "SELECT * FROM t WHERE name = $1 AND age > $2"],
    ["SELECT a1, t2.b FROM t2 WHERE c = $3 AND d = 1.5e-3", "SELECT a1, t2.b FROM t2 WHERE c = $3 AND d = $4"],
    ["SELECT E'it\\'s' , U&'\\0061', B'01', x'1f', N'n'", "SELECT $1 , $2, $3, $4, $5"],
    ["SELECT $$it's$$, $q$ $$ ' $q$ -- card 4111\n, /* a /* b */ 12 */ \"Col 1\"", 'SELECT $1, $2 , "Col 1"'],
    ["SELECT 0x1F + 1_000", "SELECT $1 + $2"],
    ["  SELECT\n\t1 ;  ", "SELECT $1"],
    ["ALTER ROLE app PASSWORD 'secret'", "ALTER ROLE app PASSWORD $1"],
    ["SELECT 'cut off in the mid", "SELECT $1"],
    ["SELECT 1 /* cut off 4711", "SELECT $1"],
    ["SELECT E'cut \\", "SELECT $1"],
  ])("%s", (sql, expected) => {
    expect(normalize(sql)).toBe(expected);
  });

  test("is cut off after 400 characters", () => {
    expect(normalize(`SELECT ${"a, ".repeat(1000)}`)).toHaveLength(400);
  });

  test("keeps no constant of any statement, and never throws", () => {
    const constant = fc.string().map((value) => `'secret${value.replaceAll("'", "''").replaceAll("\\", "")}'`);
    const part = fc.oneof(constant, fc.string({ unit: fc.constantFrom(..."$'\"\\-/*eE;a1 \n") }));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        shapeOf(parts.join(" "));
        normalize(parts.join(" "));
      }),
    );
    fc.assert(fc.property(constant, (value) => !normalize(`SELECT ${value}, 'x'`).includes("secret")));
  });
});

describe("shapeOf", () => {
  test.each([
    ["SELECT * FROM t WHERE id IN (1, 2, 3)", "select * from t where id IN (7)"],
    ["INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (3, 'c')"],
    ["INSERT INTO t VALUES ($1, $2), ($3, $4)", "INSERT INTO t VALUES ($1, $2)"],
    ["SELECT 1 -- request 1", "SELECT  2 /* request 2 */"],
    ["SELECT * FROM t WHERE host = 'a.com'", "SELECT * FROM t WHERE host = 'b.com'"],
    ["SET app.user_id = '1'", "SET app.user_id = '2'"],
  ])("%s and %s are counted together", (one, other) => {
    expect(shapeOf(one).toLowerCase()).toBe(shapeOf(other).toLowerCase());
  });

  test.each([
    ["SELECT nextval('a')", "SELECT nextval('b')"],
    ["SELECT nextval( /* it's */ 'a')", "SELECT nextval( /* it's */ 'b')"],
    ["SELECT f('s.a'::regclass)", "SELECT f('s.b'::regclass)"],
    ["SELECT setval('s.a'::regclass, 1)", "SELECT setval('s.b'::regclass, 1)"],
    ["SET search_path = 'a'", "SET search_path = 'b'"],
    ["DO $$ BEGIN DELETE FROM a; END $$", "DO $$ BEGIN DELETE FROM b; END $$"],
    ["DO 'BEGIN PERFORM f(); END'", "DO 'BEGIN PERFORM g(); END'"],
    ["SELECT * FROM a", "SELECT * FROM b"],
    ['SELECT "a"', 'SELECT "A"'],
  ])("%s and %s are not", (one, other) => {
    expect(shapeOf(one)).not.toBe(shapeOf(other));
  });
});
