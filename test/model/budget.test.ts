import { expect, test } from "vitest";
import { type BudgetEntry, budgetProblem, budgetTable, connectionBudget } from "../../model/budget.ts";

const entries: BudgetEntry[] = [
  { role: "tracksolid_owner", limit: 30, source: "declared" },
  { role: "grafana_ro", limit: 5, source: "existing" },
];

test("the budget adds up limits and computes the excess", () => {
  expect(connectionBudget(35, entries)).toEqual({ ceiling: 35, total: 35, over: 0, entries });
  expect(connectionBudget(34, entries)).toMatchObject({ total: 35, over: 1 });
  expect(connectionBudget(95, [])).toMatchObject({ total: 0, over: 0 });
});

test("a role is not counted in addition to the two login roles that SET ROLE to it", () => {
  const logins = ["api_a", "api_b"].map((role) => ({ role, limit: 8, source: "declared" as const }));
  const all = [...logins, { role: "api", limit: 8, source: "program" as const }];
  expect(connectionBudget(95, all, ["api"])).toEqual({ ceiling: 95, total: 16, over: 0, entries: logins });
  expect(connectionBudget(95, all).total).toBe(24);
});

test("the table has role, limit and source of each, then total and ceiling", () => {
  expect(budgetTable(connectionBudget(95, entries))).toBe(
    [
      "role              limit  source",
      "tracksolid_owner     30  declared",
      "grafana_ro            5  existing",
      "total                35",
      "ceiling              95",
    ].join("\n"),
  );
});

test("a budget is a problem from one connection above the ceiling", () => {
  expect(budgetProblem(connectionBudget(35, entries))).toBeUndefined();
  expect(budgetProblem(connectionBudget(34, entries))).toMatch(
    /^the connection limits add up to 35, 1 above the ceiling of 34; /,
  );
});
