import { expect, test } from "vitest";
import type { Replayed } from "../../../../cli/discover/evidence.ts";
import { isAllowed, replayReport } from "../../../../cli/discover/replay/replay-report.ts";

const replayed: Replayed = {
  database: "tracksolid_db",
  tried: 41,
  denied: [
    {
      role: "cron_app",
      example: "SELECT 'a\u001b'",
      message: "permission denied for table x",
      code: "42501",
      count: 3,
    },
  ],
  untried: [
    { reason: "DDL is not tried", example: "CREATE TABLE a ()", count: 1 },
    { reason: "DDL is not tried", example: "CREATE TABLE b ()", count: 1 },
    { reason: "it cannot be parsed", example: "SELECT", count: 1 },
  ],
  usage: [
    { role: "cron_app", used: 3, granted: 40, extra: ["UPDATE on s.t", "DELETE on s.t"] },
    { role: "dashboard_app", used: 0, granted: 10, extra: [] },
    { role: "owner", used: 0, granted: 0, extra: [] },
  ],
};

test("the report has the verdict, what is denied, used and not tried", () => {
  expect(replayReport([replayed], {})).toBe(`\
Replay: 41 statements tried as the proposed roles, 1 permission denied, 3 not tried. Everything was rolled back.

  tracksolid_db   table privileges used / granted
  cron_app        3 / 40
  dashboard_app   0 / 10
  owner           none granted
  cron_app: granted beyond its access level and not used: UPDATE on s.t, DELETE on s.t
  denied: cron_app: permission denied for table x (42501), 3 times: SELECT 'a\\x1b'
  not tried: CREATE TABLE a () and 1 other: DDL is not tried
  not tried: SELECT: it cannot be parsed`);
  expect(replayReport([replayed], { quiet: true }).split("\n")).toHaveLength(1);
});

test("a replay passes if nothing is denied", () => {
  expect(isAllowed([replayed])).toBe(false);
  expect(isAllowed([{ ...replayed, denied: [] }])).toBe(true);
});
