import { expect, test } from "vitest";
import { goDuration, nanoseconds, shortDuration } from "../../../sandbox/plugins/docker/go-duration.ts";

// The long form is that of Go's time.Duration.String(), the short form that of the official plugin.
test.each([
  ["0s", "0s"],
  ["250ms", "250ms"],
  ["1.5s", "1.5s"],
  ["1m0s", "1m"],
  ["1m30s", "1m30s"],
  ["1h0m0s", "1h"],
  ["1h0m1s", "1h0m1s"],
  ["2h30m0s", "2h30m"],
  ["10m0s", "10m"],
])("parses %s and formats it in both forms", (long, short) => {
  expect(goDuration(nanoseconds(long))).toBe(long);
  expect(shortDuration(nanoseconds(long))).toBe(short);
  expect(nanoseconds(short)).toBe(nanoseconds(long));
});
