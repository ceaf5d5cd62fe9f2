import { expect, test } from "vitest";
import { durationText, timeSpan } from "../../model/duration.ts";

test.each([
  ["45m", 2_700_000],
  ["45min", 2_700_000],
  ["1h30m", 5_400_000],
  ["1.5h", 5_400_000],
  ["90s", 90_000],
  ["250ms", 250],
  ["1d", 86_400_000],
  ["0", 0],
  ["5 min", 300_000],
  ["m", undefined],
  ["10x", undefined],
  ["-5m", undefined],
  ["999999h", undefined],
])("--watch %s", (text, expected) => {
  expect(timeSpan(text)).toBe(expected);
});

test.each([
  [1_800_000, "30min"],
  [5_400_000, "90min"],
  [86_400_000, "1d"],
  [1500, "1500ms"],
  [90_000, "90s"],
])("%d ms", (whole, text) => {
  expect(durationText(whole)).toBe(text);
});
