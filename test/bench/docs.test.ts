import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bars } from "../../bench/bars.ts";
import { page } from "../../bench/page.ts";
import { plot } from "../../bench/plot.ts";
import { type Result, readResults } from "../../bench/results.ts";

const docs = new URL("../../docs/", import.meta.url);
const result: Result = {
  measured: 2.6,
  values: "5.2 s / 2 s",
  rounds: 5,
  plugins: "official",
  when: "2026-12-01",
  machine: "M",
};

test("docs/benchmarks.md and its plot are those of the last results: npm run bench:docs", () => {
  const results = readResults();
  expect(readFileSync(new URL("benchmarks.md", docs), "utf8")).toBe(page(results, bars));
  expect(readFileSync(new URL("benchmarks.svg", docs), "utf8")).toBe(plot(results));
});

test("the page has what was measured, its bar, when and on which machine", () => {
  expect(page({ preview: result }, bars)).toContain("| 2.6 x | 2.5 x | 5.2 s / 2 s | official | 5 | 2026-12-01 | M |");
  expect(page({}, bars)).toContain("| not measured | 2.5 x |");
});

describe("a row of the plot", () => {
  const rowOf = (measured: number) =>
    /class="(within|above)"\/>\n[^>]*>([^<]+)</.exec(plot({ preview: { ...result, measured } }))?.slice(1);

  test("says by its color and in words whether the cost is above its bar", () => {
    expect(rowOf(2.5)).toEqual(["within", "2.5 of 2.5 x"]);
    expect(rowOf(2.6)).toEqual(["above", "2.6 of 2.5 x, above"]);
  });

  test("of a reference has no verdict", () => {
    expect(plot({ "empty-policies": { ...result, measured: 1.3 } })).toContain('class="reference"/>');
  });
});
