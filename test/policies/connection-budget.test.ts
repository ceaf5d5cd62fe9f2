import { describe, expect, test } from "vitest";
import { declaredBudgetViolations, programBudgetViolations } from "../../policies/connection-budget.ts";
import { unknown } from "../../policies/resource.ts";
import { budget, messages, role, runbookEntries } from "./resources.ts";

const declared = budget({ ceiling: 95, entries: runbookEntries });

describe("the declared budget", () => {
  test("of the runbook fits: 86 of 95", () => {
    expect(declaredBudgetViolations(declared, 95)).toEqual([]);
  });

  test("at the ceiling fits; one above it is refused with the table and the excess", () => {
    const with9 = budget({ ceiling: 95, entries: [...runbookEntries, { role: "etl", limit: 9, source: "existing" }] });
    const with10 = budget({
      ceiling: 95,
      entries: [...runbookEntries, { role: "etl", limit: 10, source: "existing" }],
    });
    expect(declaredBudgetViolations(with9, 95)).toEqual([]);
    expect(messages(declaredBudgetViolations(with10, 95))).toMatchInlineSnapshot(`
      [
        "the connection limits add up to 96, 1 above the ceiling of 95; lower one or more limits by 1 in all:
      role                 limit  source
      tracksolid_owner        30  declared
      dashboard_app            8  declared
      gateway_app             15  declared
      cron_app                 5  declared
      analytics_ro             8  existing
      dashboard_ro            12  existing
      grafana_ro               5  existing
      reporting_refresher      3  existing
      etl                     10  existing
      total                   96
      ceiling                 95",
      ]
    `);
  });

  test("must fit the lower of the pack's and the stack's ceiling", () => {
    const pack = messages(declaredBudgetViolations(declared, 85));
    const stack = messages(declaredBudgetViolations(budget({ ceiling: 85, entries: runbookEntries }), 95));
    expect(pack).toEqual([expect.stringMatching(/1 above the ceiling of 85;[\s\S]*--policy-pack-config/)]);
    expect(stack).toEqual([expect.stringContaining("1 above the ceiling of 85;")]);
    expect(stack).not.toEqual([expect.stringContaining("--policy-pack-config")]);
    expect(declaredBudgetViolations(budget({ ceiling: 200, entries: runbookEntries }), 86)).toEqual([]);
  });

  test.each([
    [
      "a limit",
      { ceiling: 95, entries: [{ role: "app", limit: unknown, source: "declared" }] },
      "the connection limit of app is not known yet",
    ],
    [
      "a role",
      { ceiling: 95, entries: [{ role: unknown, limit: 5, source: "declared" }] },
      "a role of the budget is not known yet",
    ],
    ["an entry", { ceiling: 95, entries: [unknown] }, "a role of the budget is not known yet"],
    ["all entries", { ceiling: 95, entries: unknown }, "the budget's entries are not known yet"],
    ["the ceiling", { ceiling: unknown, entries: [] }, "the stack's ceiling is not known yet"],
  ])("with %s unknown is refused, not passed", (_, props, reason) => {
    expect(messages(declaredBudgetViolations(budget(props), 95))).toEqual([expect.stringContaining(reason)]);
  });

  test("with an unlimited role is refused", () => {
    const unlimited = budget({ ceiling: 95, entries: [{ role: "app", limit: -1, source: "existing" }] });
    expect(messages(declaredBudgetViolations(unlimited, 95))).toEqual([
      expect.stringContaining("app has no connection limit"),
    ]);
  });
});

describe("the program's own roles", () => {
  test("that are in the budget count once", () => {
    const roles = [role("tracksolid_owner", { connectionLimit: 30 }), role("dashboard_app", { connectionLimit: 8 })];
    expect(programBudgetViolations([declared, ...roles], 95)).toEqual([]);
  });

  test("that are not in it count too", () => {
    expect(programBudgetViolations([declared, role("etl", { connectionLimit: 9 })], 95)).toEqual([]);
    const [violation] = programBudgetViolations([declared, role("etl", { connectionLimit: 10 })], 95);
    expect(violation?.urn).toBe(declared.urn);
    expect(violation?.message).toMatch(/add up to 96, 1 above the ceiling of 95/);
    expect(violation?.message).toMatch(/^etl +10 {2}program$/m);
  });

  test("that cannot log in do not count", () => {
    expect(programBudgetViolations([declared, role("group", { login: false, connectionLimit: 50 })], 95)).toEqual([]);
  });

  test("are counted as the budget does while a role gets two login roles: it is not counted in addition", () => {
    const entries = runbookEntries.flatMap((entry) =>
      entry.role === "dashboard_app"
        ? ["a", "b"].map((turn) => ({ ...entry, role: `dashboard_app_${turn}` }))
        : [entry],
    );
    const alternate = budget({ ceiling: 94, entries, assumed: ["dashboard_app"] });
    // Whether it keeps its login is known only in the up.
    const own = ["dashboard_app", "dashboard_app_a", "dashboard_app_b"].map((name) =>
      role(name, { connectionLimit: 8, login: name === "dashboard_app_a" || unknown }),
    );
    expect(programBudgetViolations([alternate, ...own], 94)).toEqual([]);
    const another = role("another", { connectionLimit: 1, assumeRole: "dashboard_app" });
    expect(messages(programBudgetViolations([alternate, ...own, another], 94))).toEqual([
      expect.stringContaining("add up to 95"),
    ]);
  });

  test("count with their own limit if it is higher than the declared one", () => {
    const raised = role("cron_app", { connectionLimit: 15 });
    expect(messages(programBudgetViolations([declared, raised], 95))).toEqual([
      expect.stringContaining("add up to 96"),
    ]);
  });

  test.each([
    ["limit", { connectionLimit: unknown }, "the connection limit of etl is not known yet"],
    ["login", { login: unknown, connectionLimit: unknown }, "the connection limit of etl is not known yet"],
    ["name", { name: unknown }, "the name of the role created by etl is not known yet"],
  ])("with an unknown %s are refused", (_, props, reason) => {
    expect(messages(programBudgetViolations([declared, role("etl", props)], 95))).toEqual([
      expect.stringContaining(reason),
    ]);
  });

  test("must fit the ceiling without a declared budget too", () => {
    const roles = [role("a", { connectionLimit: 60 }), role("b", { connectionLimit: 36 })];
    expect(messages(programBudgetViolations(roles, 95))).toEqual([expect.stringContaining("add up to 96")]);
    expect(programBudgetViolations(roles.slice(0, 1), 95)).toEqual([]);
  });

  test("do not repeat a violation of the declared budget", () => {
    const over = budget({ ceiling: 85, entries: runbookEntries });
    expect(programBudgetViolations([over, role("cron_app")], 95)).toEqual([]);
  });

  test("of two servers are counted separately, by the address of their provider", () => {
    const one = budget({ ceiling: 95, entries: [] }, "one:5432");
    const two = budget({ ceiling: 95, entries: [] }, "two:5432");
    const roles = [role("a", { connectionLimit: 60 }, "one:5432"), role("b", { connectionLimit: 60 }, "two:5432")];
    expect(programBudgetViolations([one, two, ...roles], 95)).toEqual([]);
    const stray = role("c", {}, "three:5432");
    expect(messages(programBudgetViolations([one, two, ...roles, stray], 95))).toEqual([
      expect.stringContaining("role c is on three:5432, which has no ConnectionBudget"),
    ]);
  });
});
