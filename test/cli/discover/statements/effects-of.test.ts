import { describe, expect, test } from "vitest";
import type { NamedUse } from "../../../../cli/discover/statements/effects.ts";
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

describe("queries", () => {
  test.each([
    ["SELECT a.x, b.y FROM s.t a JOIN u b ON a.id = b.id", ["SELECT (id, x) on s.t", "SELECT (id, y) on u"]],
    ["SELECT * FROM s.t", ["SELECT on s.t"]],
    ["SELECT count(*) FROM s.t", ["SELECT on s.t"]],
    ["UPDATE s.t SET a = 1", ["UPDATE (a) on s.t"]],
    [
      "UPDATE s.t SET a = u.b FROM s.u WHERE t.id = u.id",
      ["UPDATE (a) on s.t", "SELECT (id) on s.t", "SELECT (b, id) on s.u"],
    ],
    ["DELETE FROM s.t", ["DELETE on s.t"]],
    ["WITH t AS (SELECT a FROM s.u) SELECT a FROM t", ["SELECT (a) on s.u"]],
  ])("%s", async (sql, expected) => {
    expect(await uses(sql)).toEqual(expected);
  });
});

test("a text that is not SQL is refused with the parser's message and position", async () => {
  const error = await effectsOf("SELECT 1 FROM FROM").catch((each: unknown) => each);
  expect(error).toBeInstanceOf(UnparsableStatement);
  expect(error).toMatchObject({ message: 'syntax error at or near "FROM"', position: 15 });
});

test("a body of PL/pgSQL does what its statements do", async () => {
  const all = await effectsOfPlpgsql(`DO $x$ DECLARE i int := 4; BEGIN
    DELETE FROM s.u WHERE a = i; i := (SELECT max(b) FROM s.z); EXECUTE 'TRUNCATE ' || i; END $x$`);
  expect(all.flatMap((each) => each.uses.map(line))).toEqual([
    "DELETE on s.u",
    "SELECT (a) on s.u",
    "SELECT (b) on s.z",
  ]);
  expect(all.flatMap(({ unknown }) => unknown)).toEqual(["dynamic EXECUTE"]);
});
