import { expect, test } from "vitest";
import { breaksPooling } from "../../../../cli/discover/statements/breaks-pooling.ts";
import { emptyHabits } from "../../../../cli/discover/statements/effects.ts";

test("state that outlives a transaction breaks pooling; what PgBouncer carries over does not", () => {
  const setting = (name: string, isLocal = false) => ({ name, value: "x", isLocal, count: 1 });
  expect(
    breaksPooling({
      ...emptyHabits(),
      listens: ["tickets"],
      sessionAdvisoryLocks: 2,
      transactionAdvisoryLocks: 2,
      temporaryTables: ["work"],
      settings: [setting("search_path"), setting("work_mem", true), setting("TimeZone"), setting("search_path")],
      becomes: ["admin"],
      hasSessionState: true,
    }),
  ).toEqual([
    "LISTEN tickets",
    "session-level advisory locks",
    "temporary table work",
    "SET search_path",
    "SET ROLE admin",
    "prepared statements in SQL, or cursors WITH HOLD",
  ]);
  expect(breaksPooling({ ...emptyHabits(), transactionAdvisoryLocks: 1, notifies: ["tickets"] })).toEqual([]);
});
