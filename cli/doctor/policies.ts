import { budgetProblem, connectionBudget } from "../../model/budget.ts";
import { milliseconds } from "../../model/duration.ts";
import { budgetEntries, type Stack } from "../../model/stack.ts";
import { type Finding, wrong } from "./finding.ts";

const timeouts = ["idle_session_timeout", "idle_in_transaction_session_timeout"] as const;

/**
 * What a preview refuses of the budget, and the policy pack of the roles' timeouts, by the configuration alone; nothing where
 * nothing is refused.
 *
 * @param hasPack whether the project has a policy pack
 */
export function policies(stack: Pick<Stack, "roles" | "existingRoles" | "ceiling">, hasPack: boolean): Finding[] {
  const over = budgetProblem(connectionBudget(stack.ceiling, budgetEntries(stack)));
  const [found = "", ...table] = over?.split("\n") ?? [];
  return [
    ...(over === undefined
      ? []
      : [wrong("budget", [found, ...table].join("\n"), "lower connectionLimit of a role until they fit")]),
    ...Object.entries(hasPack ? stack.roles : {}).flatMap(([role, { settings }]) =>
      timeouts
        .filter((name) => !isOn(settings[name]))
        .map((name) =>
          wrong(
            `role ${role}`,
            `has no ${name}, so sessions that do nothing keep their connections (policy session-timeouts)`,
            `set it under app-roles:defaults.settings or app-roles:roles.${role}.settings, for example ${name === "idle_session_timeout" ? "30min" : "5min"}`,
          ),
        ),
    ),
  ];
}

/** 0 switches a timeout off. */
function isOn(value: unknown): boolean {
  return (typeof value === "string" || typeof value === "number") && (milliseconds(value) ?? 0) > 0;
}
