import { expect, test } from "vitest";
import { loggedStatement } from "../../../../cli/discover/log/logged-statement.ts";

const text = (message: string) => loggedStatement({ severity: "LOG", message })?.text;

test.each([
  ["<unnamed>", "SELECT ': SELECT'"],
  ["S_1/C_2", "/* web: list */ SELECT 1"],
  ["a: b", "SELECT 1"],
  ["a: b", "(SELECT 1)"],
  ["tickets: 1\n: x/portal: y", "UPDATE t SET a = 1"],
  ["load: SELECT 1", "SELECT 2"],
  ["the: end", "SELECT ': SELECT 3', \": select\" -- : SELECT"],
  // pgx can name a statement by its text.
  ["select 'a: select b' as c", "select 'a: select b' as c"],
  ["a: b", "DO $do$BEGIN RAISE NOTICE ': select'; END$do$"],
])("the text of a prepared statement named %j: %s", (name, sql) => {
  expect(text(`execute ${name}: ${sql}`)).toBe(sql);
  expect(text(`duration: 0.123 ms  bind ${name}: ${sql}`)).toBe(sql);
  expect(text(`execute fetch from ${name}: ${sql}`)).toBe(sql);
});

test("a statement of an unknown kind is read too", () => {
  expect(text("execute <unnamed>: FUTURE x: y")).toBe("FUTURE x: y");
  expect(text("execute stage 2: done")).toBe("done");
  expect(text("execute stage: 2")).toBeUndefined();
});
