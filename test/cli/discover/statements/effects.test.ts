import { expect, test } from "vitest";
import { emptyHabits, mergeHabits } from "../../../../cli/discover/statements/effects.ts";

test("merged habits have each name once and counts added up", () => {
  const setting = { name: "search_path", value: "a", isLocal: false, count: 1 };
  const one = { ...emptyHabits(), listens: ["tickets"], sessionAdvisoryLocks: 1, settings: [setting] };
  const other = { ...one, settings: [setting, { ...setting, isLocal: true }], hasSessionState: true };
  expect(mergeHabits([one, other])).toEqual({
    ...emptyHabits(),
    listens: ["tickets"],
    sessionAdvisoryLocks: 2,
    settings: [
      { ...setting, count: 2 },
      { ...setting, isLocal: true },
    ],
    hasSessionState: true,
  });
  expect(mergeHabits([])).toEqual(emptyHabits());
});
