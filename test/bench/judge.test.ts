import { describe, expect, test } from "vitest";
import { judge } from "../../bench/judge.ts";

describe("a ratio with the bar 2", () => {
  test.each([
    ["passes at the bar", [2, 2, 2], "passed"],
    ["passes up to a quarter above it", [2.4, 2.5, 2.49], "passed"],
    ["fails more than a quarter above it", [2.51, 2.6, 2.7], "failed"],
    ["needs three pairs", [9, 9], undefined],
    ["needs more pairs while they disagree", [2.4, 2.6, 2.4], undefined],
    ["passes if at most two of nine pairs are above", [1, 1, 1, 1, 1, 1, 1, 9, 9], "passed"],
    ["fails if at most two of nine pairs are below", [9, 9, 9, 9, 9, 9, 9, 1, 1], "failed"],
    ["is not judged if nine pairs disagree", [1, 9, 1, 9, 1, 9, 1, 9, 1], "noisy"],
  ])("%s", (_, ratios, verdict) => expect(judge(ratios, 2)).toBe(verdict));
});
