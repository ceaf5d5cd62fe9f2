import { problems } from "../../provider/rehearsal/report.ts";
import { passed, type Rehearsed } from "../../provider/rehearsal/result.ts";
import { table } from "../terminal/table.ts";

/** A table of numbers, then everything that failed or was missed with what to do about it. */
export function rehearsalReport(results: Map<string, Rehearsed>): string {
  const head = ["database", "objects", "moved", "checks", "failed", "not rehearsed", "not tried", "longest hold (ms)"];
  const rows = [...results].map(([database, { objects, moved, checks, failed, missed, untried, longestHold }]) => [
    database,
    objects,
    moved,
    checks,
    failed.length,
    missed.length,
    untried.length,
    longestHold,
  ]);
  const all = [...results.values()];
  const found = problems({
    failed: all.flatMap((result) => result.failed),
    missed: all.flatMap((result) => result.missed),
    untried: all.flatMap((result) => result.untried),
    warned: all.flatMap((result) => result.warned),
  });
  return [
    table([head, ...rows]),
    ...(found === "" ? [] : ["", found]),
    "",
    all.every(passed)
      ? "The rehearsal passed. All of it was rolled back."
      : "The rehearsal did not pass. All of it was rolled back: nothing is changed.",
  ].join("\n");
}
