import { expect, test } from "vitest";
import { rehearsalReport } from "../../../cli/rehearse/report.ts";
import { nothingRehearsed } from "../../../provider/rehearsal/result.ts";

test("numbers by database, then what failed and what was missed, with the remedies", () => {
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
      "The rehearsal did not pass. All of it was rolled back: nothing is changed.",
    ].join("\n"),
  );
  expect(rehearsalReport(new Map([["shop", nothingRehearsed()]]))).toMatch(/The rehearsal passed/);
});
