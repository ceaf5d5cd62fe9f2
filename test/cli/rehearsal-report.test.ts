import { expect, test } from "vitest";
import { rehearsalReport } from "../../cli/rehearsal-report.ts";
import { nothingRehearsed } from "../../provider/rehearsal/result.ts";

test("numbers by database, then what failed and what was missed, with the remedies", () => {
  const shop = {
    objects: 12,
    moved: 3,
    checks: 140,
    longestHold: 17,
    failed: [{ object: "shop.v", check: "EXPLAIN SELECT as r", code: "42501", message: "no", remedy: "Grant it." }],
    missed: [{ object: "shop.t", reason: "locked by pid 7", remedy: "Wait." }],
  };
  expect(rehearsalReport(new Map([["shop", shop]]))).toBe(
    [
      "  database   objects   moved   checks   failed   not rehearsed   longest hold (ms)",
      "  shop            12       3      140        1               1                  17",
      "",
      "failed",
      "  shop.v: EXPLAIN SELECT as r",
      "    no (42501)",
      "    Grant it.",
      "not rehearsed",
      "  shop.t",
      "    locked by pid 7",
      "    Wait.",
      "",
      "The rehearsal did not pass. All of it was rolled back: nothing is changed.",
    ].join("\n"),
  );
  expect(rehearsalReport(new Map([["shop", nothingRehearsed()]]))).toMatch(/The rehearsal passed/);
});
