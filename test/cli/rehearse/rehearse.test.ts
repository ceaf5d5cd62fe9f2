import { expect, test } from "vitest";
import { rehearsalGoals, rehearsalReport } from "../../../cli/rehearse/rehearse.ts";
import { parseStack } from "../../../config/parse-stack.ts";
import { nothingRehearsed } from "../../../provider/rehearsal/result.ts";

test("every database with its owner and all roles, with their settings and defaults", () => {
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

test("counts by database, then failures and missed objects with their fixes", () => {
  const shop = {
    objects: 12,
    moved: 3,
    checks: 140,
    longestHold: 17,
    failed: [{ object: "shop.v", check: "EXPLAIN SELECT as r", code: "42501", message: "no", remedy: "Grant it." }],
    missed: [{ object: "shop.t", reason: "locked by pid 7", remedy: "Wait." }],
    untried: [{ object: "shop.h", reason: "its move locks 9,000 relations", remedy: "Move it at night." }],
    warned: [
      { object: "schema shop", check: "COMMENT ON SCHEMA as o", code: "42501", message: "no", remedy: "By hand." },
    ],
  };
  expect(rehearsalReport(new Map([["shop", shop]]))).toBe(
    [
      "  database   objects   moved   checks   failed   not rehearsed   not tried   longest hold (ms)",
      "  shop            12       3      140        1               1           1                  17",
      "",
      "failed",
      "  shop.v: EXPLAIN SELECT as r",
      "    no (42501)",
      "    Grant it.",
      "not rehearsed",
      "  shop.t",
      "    locked by pid 7",
      "    Wait.",
      "not tried",
      "  shop.h",
      "    its move locks 9,000 relations",
      "    Move it at night.",
      "warnings",
      "  schema shop: COMMENT ON SCHEMA as o",
      "    no (42501)",
      "    By hand.",
      "",
      "The rehearsal did not pass. Everything was rolled back; nothing was changed.",
    ].join("\n"),
  );
  expect(rehearsalReport(new Map([["shop", nothingRehearsed()]]))).toMatch(/The rehearsal passed/);
});
