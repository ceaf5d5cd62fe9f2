import { expect, test } from "vitest";
import { isGrantedOnTable } from "../../../provider/privileges/explicit-grants.ts";

test.each([
  [{ tables: { "app.orders": ["delete"] } }, "app.orders", true],
  [{ tables: { "app.*": ["SELECT", "DELETE"] } }, "app.orders", true],
  [{ tables: { '"Odd.schema".*': ["DELETE"] } }, '"Odd.schema"."a ""b"', true],
  [{ tables: { "app.orders": ["SELECT"] } }, "app.orders", false],
  [{ tables: { "app.order": ["DELETE"] } }, "app.orders", false],
  [undefined, "app.orders", false],
])("a DELETE that %j grants on %s is not tried as one that must be refused: %s", (grants, identity, granted) => {
  expect(isGrantedOnTable(grants, identity, "DELETE")).toBe(granted);
});
