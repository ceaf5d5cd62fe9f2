import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { budgetProblem, type CountedEntry, connectionBudget, defaultCeiling } from "../model/budget.ts";
import { budgets, connectionLimit, type LoginRole, loginRoles } from "./login-role.ts";
import {
  budgetType,
  isValues,
  plainResource,
  type Resource,
  unknown,
  type Value,
  type Violation,
  valueText,
} from "./resource.ts";

interface Config {
  /** The most connections of a server's roles together. A lower ceiling in the stack's configuration takes precedence. */
  ceiling: number;
}

/**
 * Mandatory: the connection limits of all login roles of a server do not exceed the ceiling. Checked twice: the declared budget
 * before anything changes, then the whole stack with any other roles that the program creates.
 */
export const connectionBudgetPolicy: ResourceValidationPolicy & StackValidationPolicy = {
  name: "connection-budget",
  description: "The sum of the connection limits of a server's login roles does not exceed the ceiling.",
  enforcementLevel: "mandatory",
  configSchema: {
    properties: {
      ceiling: {
        type: "integer",
        minimum: 1,
        default: defaultCeiling,
        description:
          "The most connections of all login roles of a server; a lower ceiling of the stack takes precedence.",
      },
    },
  },
  validateResource: (args, report) => {
    if (args.type !== budgetType) return;
    for (const { message } of declaredBudgetViolations(
      plainResource(args),
      ceilingOf(args.getConfig<Partial<Config>>()),
    )) {
      report(message);
    }
  },
  validateStack: (args, report) => {
    const resources = args.resources.map(plainResource);
    for (const { message, urn } of programBudgetViolations(resources, ceilingOf(args.getConfig<Partial<Config>>()))) {
      report(message, urn);
    }
  },
};

function ceilingOf({ ceiling }: Partial<Config>): number {
  return ceiling ?? defaultCeiling;
}

/** Violations of one server's budget as declared. */
export function declaredBudgetViolations(budget: Resource, ceiling: number): Violation[] {
  return violations(budget.urn, readBudget(budget), ceiling);
}

/** Violations with the program's own roles; a budget that violates the policy by itself was reported before. */
export function programBudgetViolations(resources: Resource[], ceiling: number): Violation[] {
  const declared = budgets(resources);
  const roles = loginRoles(resources);
  const found = declared.flatMap((budget) => {
    if (declaredBudgetViolations(budget, ceiling).length > 0) return [];
    const own = roles.filter(({ resource }) => declared.length === 1 || resource.server === budget.server);
    return violations(budget.urn, withRoles(readBudget(budget), own), ceiling);
  });
  const [first] = roles;
  if (declared.length === 0 && first) {
    found.push(
      ...violations(
        first.resource.urn,
        withRoles({ entries: [], assumed: [], ceiling: undefined, problems: [] }, roles),
        ceiling,
      ),
    );
  }
  if (declared.length > 1) {
    const servers = declared.map(({ server }) => server);
    for (const { role, resource } of roles.filter(({ resource }) => !servers.includes(resource.server))) {
      found.push({
        urn: resource.urn,
        message: `role ${role} is on ${resource.server ?? "a server that is not known yet"}, which has no ConnectionBudget, so its connections are not counted; declare a budget for that server`,
      });
    }
  }
  return found;
}

/** The readable part of a budget, and the problems with the rest. */
interface ReadBudget {
  entries: CountedEntry[];
  /** Roles that login roles in the budget SET ROLE to. */
  assumed: string[];
  /** Undefined: not declared. */
  ceiling: number | undefined;
  problems: string[];
}

function readBudget({ props }: Resource): ReadBudget {
  const assumed = Array.isArray(props.assumed) ? props.assumed.filter((role) => typeof role === "string") : [];
  const budget: ReadBudget = { entries: [], assumed, ceiling: undefined, problems: [] };
  if (typeof props.ceiling === "number") budget.ceiling = props.ceiling;
  else budget.problems.push(`the stack's ceiling is ${valueText(props.ceiling)}`);
  if (!Array.isArray(props.entries)) {
    budget.problems.push(`the budget's entries are ${valueText(props.entries)}`);
    return budget;
  }
  for (const entry of props.entries) {
    if (!isValues(entry) || typeof entry.role !== "string") {
      budget.problems.push("a role of the budget is not known yet");
      continue;
    }
    addEntry(budget, entry.role, connectionLimit(entry.limit), sourceOf(entry.source));
  }
  return budget;
}

function sourceOf(value: Value): CountedEntry["source"] {
  return value === "existing" ? "existing" : "declared";
}

/** The budget with the program's roles; of two limits for one role the higher one counts. */
function withRoles(budget: ReadBudget, roles: LoginRole[]): ReadBudget {
  const merged: ReadBudget = { ...budget, entries: [...budget.entries], problems: [...budget.problems] };
  for (const { role, limit, resource } of roles) {
    if (typeof resource.props.name !== "string")
      merged.problems.push(`the name of the role created by ${resource.name} is not known yet`);
    const index = merged.entries.findIndex((entry) => entry.role === role);
    const entry = merged.entries[index];
    if (!entry) addEntry(merged, role, limit, "program");
    else if (typeof limit !== "number") addEntry(merged, role, limit, entry.source);
    else merged.entries[index] = { ...entry, limit: Math.max(entry.limit, limit) };
  }
  return merged;
}

function addEntry(budget: ReadBudget, role: string, limit: LoginRole["limit"], source: CountedEntry["source"]): void {
  if (typeof limit === "number") budget.entries.push({ role, limit, source });
  else if (limit === unknown) budget.problems.push(`the connection limit of ${role} is not known yet`);
  else budget.problems.push(`${role} has no connection limit`);
}

function violations(urn: string, { entries, assumed, ceiling, problems }: ReadBudget, allowed: number): Violation[] {
  const found: Violation[] = [];
  if (problems.length > 0) {
    found.push({
      urn,
      message: `the connections of this server cannot be added up: ${problems.join("; ")}; give each login role a connection limit that is known in preview`,
    });
  }
  const problem = budgetProblem(connectionBudget(Math.min(ceiling ?? allowed, allowed), entries, assumed));
  if (problem)
    found.push({ urn, message: (ceiling ?? 0) > allowed ? `${problem}\n${raiseCeiling(allowed)}` : problem });
  return found;
}

function raiseCeiling(allowed: number): string {
  return `${allowed} is the policy pack's ceiling, below the stack's; if the server has the connections, raise it: --policy-pack-config with {"connection-budget": {"ceiling": ...}}`;
}
