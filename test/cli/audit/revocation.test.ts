import { expect, test } from "vitest";
import { revocation } from "../../../cli/audit/revocation.ts";

test("one statement for each set of privileges", () => {
  const held = new Map([
    ["app.a", ["UPDATE", "INSERT"]],
    ["app.b", ["DELETE"]],
    ["app.c", ["INSERT", "UPDATE"]],
  ]);
  expect(revocation("shop", held, "PUBLIC")).toBe(
    "in shop: REVOKE INSERT, UPDATE ON app.a, app.c FROM PUBLIC; REVOKE DELETE ON app.b FROM PUBLIC",
  );
});

test("many relations are left to --verbose", () => {
  const held = new Map(Array.from({ length: 21 }, (_, index) => [`app.t${index}`, ["INSERT"]]));
  expect(revocation("shop", held, '"r"')).toBe(
    'in shop: REVOKE … ON … FROM "r", for each of the 21 relations that --verbose lists',
  );
});
