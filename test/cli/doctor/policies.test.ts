import { expect, test } from "vitest";
import { policies, unboundedRoles } from "../../../cli/doctor/policies.ts";
import { parseStack } from "../../../config/parse-stack.ts";

const stack = (limit: number, settings: object) =>
  parseStack({
    databases: JSON.stringify({ shop: { schemas: ["public"] } }),
    roles: JSON.stringify({ shop_app: { connectionLimit: limit, access: { shop: "writer" }, settings } }),
    services: "{}",
    server: JSON.stringify({ host: "db" }),
  });
const both = { idle_session_timeout: "30min", idle_in_transaction_session_timeout: "5min" };

test("a budget over its ceiling and missing timeouts are found from the configuration, each once, with its key", () => {
  expect(policies(stack(10, both), true)).toEqual([]);
  const found = policies(stack(96, { idle_session_timeout: "0" }), true);
  expect(found.map(({ what, state, found, next }) => [what, state, found.split("\n")[0], next])).toEqual([
    [
      "policy",
      "wrong",
      "app-roles:roles: the connection limits add up to 96, 1 above the ceiling of 95 (connection-budget)",
      "app-roles:roles: lower one or more limits by 1 in all:",
    ],
    [
      "policy",
      "wrong",
      "app-roles:roles.shop_app: shop_app has no idle_session_timeout (0), so idle sessions keep their connections (session-timeouts)",
      "app-roles:roles.shop_app: set idle_session_timeout in the settings of the role or under app-roles:defaults.settings, for example 30min",
    ],
    [
      "policy",
      "wrong",
      expect.stringContaining("has no idle_in_transaction_session_timeout (not set)"),
      expect.anything(),
    ],
  ]);
  expect(found[0]?.found).toMatch(/\nceiling +95$/);
});

test("without a pack a preview refuses only the budget", () => {
  expect(policies(stack(10, {}), false)).toEqual([]);
  expect(policies(stack(96, {}), false)).toHaveLength(1);
});

test("a ceiling above the pack's own is reported but not wrong: a preview can set another one", () => {
  const declared = { ...stack(150, both), ceiling: 190 };
  expect(policies(declared, true)).toEqual([
    {
      what: "policy",
      state: "unknown",
      found: expect.stringContaining('--policy-pack-config sets {"connection-budget": {"ceiling": 190}}'),
    },
  ]);
  expect(policies({ ...stack(90, both), ceiling: 190 }, true)).toEqual([]);
});

test("unbounded login roles of the live server, once the migration is complete", () => {
  const live = ["shop_app", "bi", "postgres"].map((role) => ({
    role,
    limit: -1,
    superuser: role === "postgres",
    sessions: 0,
  }));
  expect(unboundedRoles(stack(10, both), live)).toEqual([
    {
      policy: "bounded-live-roles",
      path: "app-roles:existingRoles",
      message: expect.stringMatching(/^bi \(unlimited\) can log in/),
    },
  ]);
});
