import { connectionBudget, defaultCeiling } from "../../model/budget.ts";
import { budgetEntries } from "../../model/stack.ts";
import { type DeclaredStack, type DeclaredViolation, declaredViolations } from "../../policies/declared.ts";
import { type Finding, unknown, wrong } from "./finding.ts";

/**
 * What the policy pack refuses of the stack by its configuration alone, each with its key; nothing where nothing is refused.
 *
 * @param hasPack whether the project has a policy pack; without one a preview refuses the budget alone
 */
export function policies(stack: DeclaredStack, hasPack: boolean): Finding[] {
  const refused = declaredViolations(stack).filter(({ isRefusedAnyway }) => hasPack || isRefusedAnyway);
  return [...refused.map(policyFinding), ...(hasPack ? packCeiling(stack) : [])];
}

/** A violation says what is wrong, then, behind a semicolon, what to do; the budget's has its table below. */
export function policyFinding({ policy, path, message }: Omit<DeclaredViolation, "isRefusedAnyway">): Finding {
  const [first = "", ...table] = message.split("\n");
  const [said = "", ...next] = first.split("; ");
  return wrong("policy", [`${path}: ${said} (${policy})`, ...table].join("\n"), next.join("; "));
}

/** A preview may be given another ceiling for the pack; nobody knows that here. */
function packCeiling(stack: DeclaredStack): Finding[] {
  const { total, over } = connectionBudget(stack.ceiling, budgetEntries(stack));
  if (over > 0 || total <= defaultCeiling) return [];
  const given = `{"connection-budget": {"ceiling": ${stack.ceiling}}}`;
  return [
    unknown(
      "policy",
      `app-roles:ceiling: the limits add up to ${total}; the pack's own ceiling is ${defaultCeiling} unless --policy-pack-config gives ${given}`,
    ),
  ];
}
