import { expect, test } from "vitest";
import { goDuration, shortGoDuration } from "../../../components/runtimes/go-duration.ts";

// Go: time.Duration.String(); the docker plugin uses the short form for swarm services.
test.each([
  [0, "0s", "0s"],
  [250, "250ms", "250ms"],
  [1500, "1.5s", "1.5s"],
  [10_000, "10s", "10s"],
  [60_000, "1m0s", "1m"],
  [90_000, "1m30s", "1m30s"],
  [600_000, "10m0s", "10m"],
  [3_600_000, "1h0m0s", "1h"],
  [3_601_000, "1h0m1s", "1h0m1s"],
  [9_000_000, "2h30m0s", "2h30m"],
])("%d ms are %s, and %s for short", (milliseconds, long, short) => {
  expect(goDuration(milliseconds)).toBe(long);
  expect(shortGoDuration(milliseconds)).toBe(short);
});
