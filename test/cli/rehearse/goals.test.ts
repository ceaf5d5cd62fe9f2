import { expect, test } from "vitest";
import { rehearsalGoals } from "../../../cli/rehearse/goals.ts";
import { parseStack } from "../../../config/parse-stack.ts";

test("every database with its owner and all roles, their settings with the defaults", () => {
  const stack = parseStack({
    server: { host: "db" },
    defaults: { settings: { idle_session_timeout: "30min", work_mem: "8MB" } },
    databases: {
      shop: { schemas: ["shop"], owner: "shop_owner", keepOwner: { "shop.v": "reporter" }, alsoOwn: ["public.ledger"] },
      wiki: { schemas: ["wiki"] },
    },
    roles: {
      shop_owner: { connectionLimit: 5, access: { shop: "owner" }, settings: { search_path: ["$user", "Shop"] } },
      reader: { connectionLimit: 5, access: { shop: "reader", wiki: "reader" }, settings: { work_mem: null } },
    },
  });
  const settings = { idle_session_timeout: "30min", work_mem: "8MB", search_path: '"$user", "Shop"' };
  const reader = { role: "reader", access: "reader", settings: { idle_session_timeout: "30min" } };
  expect(rehearsalGoals(stack)).toEqual([
    {
      database: "shop",
      schemas: ["shop"],
      owner: "shop_owner",
      keepOwner: { "shop.v": "reporter" },
      alsoOwn: ["public.ledger"],
      roles: [
        {
          role: "shop_owner",
          access: "owner",
          settings,
        },
        reader,
      ],
    },
    {
      database: "wiki",
      schemas: ["wiki"],
      owner: undefined,
      keepOwner: {},
      alsoOwn: [],
      roles: [{ role: "shop_owner", settings }, reader],
    },
  ]);
});
