import { roleNames } from "../../model/login-roles.ts";
import { budgetEntries, type Stack } from "../../model/stack.ts";
import type { DeclaredViolation } from "../../policies/declared.ts";
import { boundedLiveRolesPolicy, liveRoleViolations } from "../../policies/live-roles.ts";
import { budgetType } from "../../policies/resource.ts";
import { type LoginRole, superusers, undeclared, unlimited } from "../../provider/budget/live-budget.ts";

/** Login roles of the live server that the policy pack refuses once the migration is complete. */
export function unboundedRoles(
  stack: Pick<Stack, "roles" | "existingRoles">,
  live: LoginRole[],
): Omit<DeclaredViolation, "isRefusedAnyway">[] {
  const { roles, existingRoles } = stack;
  const entries = budgetEntries(stack);
  const declared = [...entries.map(({ role }) => role), ...roleNames(roles)];
  const enforced = Object.keys(existingRoles).filter((role) => existingRoles[role]?.enforce);
  const props = {
    undeclared: undeclared(declared, live),
    unlimited: unlimited(entries, live, enforced),
    superusers: superusers(live),
  };
  const budget = { type: budgetType, urn: "app-roles:existingRoles", name: "server", props, server: undefined };
  return liveRoleViolations(budget).map(({ urn, message }) => ({
    policy: boundedLiveRolesPolicy.name,
    path: urn,
    message,
  }));
}
