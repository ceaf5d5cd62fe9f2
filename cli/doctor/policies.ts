import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { connectionBudget, defaultCeiling } from "../../model/budget.ts";
import { roleNames } from "../../model/login-roles.ts";
import { budgetEntries, type Stack } from "../../model/stack.ts";
import { type DeclaredStack, type DeclaredViolation, declaredViolations } from "../../policies/declared.ts";
import { boundedLiveRolesPolicy, liveRoleViolations } from "../../policies/live-roles.ts";
import { budgetType } from "../../policies/resource.ts";
import { type LoginRole, superusers, undeclared, unlimited } from "../../provider/budget/live-budget.ts";
import { type Finding, ok, unknown, wrong } from "./finding.ts";

/**
 * Violations of the policy pack that follow from the configuration alone, each with its key.
 *
 * @param hasPack whether the project has a policy pack; without one a preview refuses only the budget
 */
export function policies(stack: DeclaredStack, hasPack: boolean): Finding[] {
  const refused = declaredViolations(stack).filter(({ isRefusedAnyway }) => hasPack || isRefusedAnyway);
  return [...refused.map(policyFinding), ...(hasPack ? packCeiling(stack) : [])];
}

/** A message says what is wrong and, after a semicolon, how to fix it; the budget adds its table. */
export function policyFinding({ policy, path, message }: Omit<DeclaredViolation, "isRefusedAnyway">): Finding {
  const [first = "", ...table] = message.split("\n");
  const [said = "", ...next] = first.split("; ");
  const fix = next.length > 0 ? `${path}: ${next.join("; ")}` : "";
  return wrong("policy", [`${path}: ${said} (${policy})`, ...table].join("\n"), fix);
}

/** A preview can pass another ceiling to the pack, which is not known here. */
function packCeiling(stack: DeclaredStack): Finding[] {
  const { total, over } = connectionBudget(stack.ceiling, budgetEntries(stack));
  if (over > 0 || total <= defaultCeiling) return [];
  const given = `{"connection-budget": {"ceiling": ${stack.ceiling}}}`;
  return [
    unknown(
      "policy",
      `app-roles:ceiling: the limits add up to ${total}; the pack's own ceiling is ${defaultCeiling} unless --policy-pack-config sets ${given}`,
    ),
  ];
}

const folder = "policies";

/** The project's pack, which previews take with --policy-pack. */
export async function policyPack(): Promise<Finding> {
  const what = "policies";
  try {
    await access(join(folder, "PulumiPolicy.yaml"));
  } catch {
    return unknown(what, `no pack in ./${folder}`);
  }
  try {
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
    createRequire(resolve(folder, "package.json")).resolve("@pulumi/policy");
    return ok(what, `./${folder} ${version}`);
  } catch (error) {
    const [message = ""] = (error as Error).message.split("\n");
    return wrong(what, message, "run npm ci in the folder of Pulumi.yaml");
  }
}

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
