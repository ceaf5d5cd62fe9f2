import { expect, test } from "vitest";
import { canBeForeign } from "../../../../cli/discover/log/language.ts";

const log = (message: string, hasContext = false) => canBeForeign({ severity: "LOG", message, hasContext });

test.each([
  "Anweisung: SELECT 1",
  "Dauer: 0.123 ms  Anweisung: update t set a = 1",
  "exécute <unnamed> : /* it: */ WITH x AS (SELECT 1) TABLE x",
  "语句：(select 1)",
])("%s is of another language", (message) => {
  expect(log(message)).toBe(true);
});

test.each([
  "checkpoint starting: time",
  'listening on IPv4 address "127.0.0.1", port 5432',
  "AUDIT: SESSION,1,1,READ,SELECT,,,SELECT 1,<none>",
  "duration: 0.123 ms  plan:\nQuery Text: SELECT 1",
  "duration: 0.123 ms",
])("%s is not", (message) => {
  expect(log(message)).toBe(false);
});

test("severities tell too, except those of a function's messages", () => {
  expect(canBeForeign({ severity: "FEHLER", message: "Relation »t« existiert nicht" })).toBe(true);
  expect(canBeForeign({ severity: "ERROR", message: "running: SELECT 1" })).toBe(false);
  expect(log("running: SELECT 1", true)).toBe(false);
});
