import { defaultCeiling } from "../model/budget.ts";
import { configPath } from "../model/config-path.ts";
import { budgetEntries, type Stack } from "../model/stack.ts";
import { connectionBudgetPolicy, declaredBudgetViolations } from "./connection-budget.ts";
import { legacyServiceViolations, noLegacyServicesPolicy } from "./legacy-services.ts";
import { limitedRolesPolicy, unlimitedRoleViolations } from "./limited-roles.ts";
import { poolsFitPolicy, poolViolations } from "./pools-fit.ts";
import { budgetType, type Resource, roleType, serviceType, settingsType, type Violation } from "./resource.ts";
import { sessionTimeoutsPolicy, timeoutViolations } from "./session-timeouts.ts";
import { attributeViolations, unprivilegedRolesPolicy } from "./unprivileged-roles.ts";

/** The part of the stack that the policies read. */
export type DeclaredStack = Pick<Stack, "roles" | "existingRoles" | "services" | "ceiling" | "migrationComplete">;

/** A violation of a mandatory policy by the stack as declared. */
export interface DeclaredViolation {
  policy: string;
  /** The key of the configuration: `app-roles:roles.api`. */
  path: string;
  message: string;
  /** Whether a preview refuses it without the pack too. */
  isRefusedAnyway: boolean;
}

/**
 * The stack's violations of the pack's mandatory policies, from its configuration alone, without a server or a preview. Assumes
 * that the pack's ceiling is at least the stack's, because a preview may configure it.
 *
 * @example declaredViolations(parseStack(config))
 */
export function declaredViolations(stack: DeclaredStack): DeclaredViolation[] {
  const resources = declaredResources(stack);
  const ceiling = Math.max(stack.ceiling, defaultCeiling);
  const budgets = resources.filter(({ type }) => type === budgetType);
  const found: [policy: { name: string }, Violation[]][] = [
    [connectionBudgetPolicy, budgets.flatMap((budget) => declaredBudgetViolations(budget, ceiling))],
    [limitedRolesPolicy, resources.flatMap(unlimitedRoleViolations)],
    [unprivilegedRolesPolicy, resources.flatMap(attributeViolations)],
    [sessionTimeoutsPolicy, timeoutViolations(resources)],
    [poolsFitPolicy, poolViolations(resources)],
    [noLegacyServicesPolicy, stack.migrationComplete ? legacyServiceViolations(resources) : []],
  ];
  return found.flatMap(([{ name }, violations]) =>
    violations.map(({ urn, message }) => ({
      policy: name,
      path: urn,
      message,
      isRefusedAnyway: name === connectionBudgetPolicy.name,
    })),
  );
}

/** The resources of the stack, as far as policies read them, with their configuration key as URN. */
function declaredResources(stack: DeclaredStack): Resource[] {
  const { roles, services, ceiling, migrationComplete } = stack;
  const at = (type: string, name: string, path: string[], props: Resource["props"]): Resource => ({
    type,
    urn: configPath(path),
    name,
    props,
    server: undefined,
  });
  const entries = budgetEntries(stack).map((entry) => ({ ...entry }));
  return [
    at(budgetType, "server", ["roles"], { ceiling, entries, migrationComplete }),
    ...Object.entries(roles).flatMap(([name, { connectionLimit, settings }]) => [
      at(roleType, name, ["roles", name], {
        name,
        login: true,
        connectionLimit,
        idleInTransactionSessionTimeout: settings.idle_in_transaction_session_timeout,
      }),
      at(settingsType, name, ["roles", name], { role: name, settings }),
    ]),
    ...services.map(({ name, role, connectAs, migrates, pool }) =>
      at(serviceType, name, ["services", name], { service: name, role, connectAs, migrates, pool: { ...pool } }),
    ),
  ];
}
