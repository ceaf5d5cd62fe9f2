import { z } from "zod";

/** One login role of the server and its connection limit. */
export const budgetEntry = z.strictObject({
  role: z.string(),
  limit: z.int().positive().describe("Its CONNECTION LIMIT."),
  source: z.enum(["declared", "existing"]).describe("`declared`: created by the stack; `existing`: not."),
});
export type BudgetEntry = z.infer<typeof budgetEntry>;

/** A line of the budget, including roles that the program creates in addition to the stack's. */
export interface CountedEntry extends Omit<BudgetEntry, "source"> {
  source: BudgetEntry["source"] | "program";
}

/** All connection limits of a server, and the ceiling that their sum must not exceed. */
export interface ConnectionBudget {
  /** The most connections that all roles together may hold. */
  ceiling: number;
  total: number;
  /** How many connections the total is above the ceiling; 0 when it fits. */
  over: number;
  entries: CountedEntry[];
}

/** The default of `ceiling`: max_connections 100 less 3 reserved ones and room for an admin. Source: the runbook. */
export const defaultCeiling = 95;

export function totalOf(entries: Pick<CountedEntry, "limit">[]): number {
  return entries.reduce((sum, { limit }) => sum + limit, 0);
}

/**
 * Adds up the limits.
 *
 * @param assumed the roles with `rotation: alternate`: each has the entries of its two login roles. It can log in itself only until
 *   the first rotation, and the second login role only from then on, so it is not counted in addition.
 */
export function connectionBudget(
  ceiling: number,
  entries: CountedEntry[],
  assumed: readonly string[] = [],
): ConnectionBudget {
  const counted = entries.filter(({ role }) => !assumed.includes(role));
  const total = totalOf(counted);
  return { ceiling, total, over: Math.max(0, total - ceiling), entries: counted };
}

/** The budget as a table for people: role, limit, source, then total and ceiling. */
export function budgetTable({ ceiling, total, entries }: ConnectionBudget): string {
  const rows: [role: string, limit: string, source: string][] = [
    ["role", "limit", "source"],
    ...entries.map(({ role, limit, source }): [string, string, string] => [role, String(limit), source]),
    ["total", String(total), ""],
    ["ceiling", String(ceiling), ""],
  ];
  const roleWidth = Math.max(...rows.map(([role]) => role.length));
  const limitWidth = Math.max(...rows.map(([, limit]) => limit.length));
  return rows
    .map(([role, limit, source]) => `${role.padEnd(roleWidth)}  ${limit.padStart(limitWidth)}  ${source}`.trimEnd())
    .join("\n");
}

/** The problem of a budget above its ceiling, with its table and the remedy; undefined when it fits. */
export function budgetProblem(budget: ConnectionBudget): string | undefined {
  if (budget.over === 0) return undefined;
  return `the connection limits add up to ${budget.total}, ${budget.over} above the ceiling of ${budget.ceiling}; lower one or more limits by ${budget.over} in all:\n${budgetTable(budget)}`;
}
