import { expect, test } from "vitest";
import { policies } from "../../../cli/doctor/policies.ts";
import { parseStack } from "../../../config/parse-stack.ts";

const stack = (limit: number, settings: object) =>
  parseStack({
    databases: JSON.stringify({ shop: { schemas: ["public"] } }),
    roles: JSON.stringify({ shop_app: { connectionLimit: limit, access: { shop: "writer" }, settings } }),
    services: "{}",
    server: JSON.stringify({ host: "db" }),
  });
const both = { idle_session_timeout: "30min", idle_in_transaction_session_timeout: "5min" };

test("a budget over its ceiling and timeouts that the pack asks for are found by the configuration alone", () => {
  expect(policies(stack(10, both), true)).toEqual([]);
  const found = policies(stack(96, { idle_session_timeout: "0" }), true);
  expect(found.map(({ what, state, found }) => [what, state, found.split("\n")[0]])).toEqual([
    ["budget", "wrong", expect.stringContaining("the connection limits add up to 96, 1 above the ceiling of 95")],
    ["role shop_app", "wrong", expect.stringContaining("has no idle_session_timeout")],
    ["role shop_app", "wrong", expect.stringContaining("has no idle_in_transaction_session_timeout")],
  ]);
  expect(policies(stack(10, {}), false)).toEqual([]);
});
