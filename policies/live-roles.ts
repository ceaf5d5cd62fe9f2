import type { EnforcementLevel, ResourceValidationPolicy } from "@pulumi/policy";
import {
  budgetType,
  isValues,
  plainResource,
  type Resource,
  type Value,
  type Violation,
  valueText,
} from "./resource.ts";

/** Advisory while services are being cut over: login roles of the live server that the budget does not bound. */
export const liveRolesPolicy = policy("live-roles", "advisory", false);

/** Mandatory once the stack says `migrationComplete: true`: the budget bounds every login role of the live server. */
export const boundedLiveRolesPolicy = policy("bounded-live-roles", "mandatory", true);

function policy(name: string, enforcementLevel: EnforcementLevel, complete: boolean): ResourceValidationPolicy {
  return {
    name,
    description: `Every login role of the live server is declared, and held to its limit${complete ? ", once the migration is complete" : ""}.`,
    enforcementLevel,
    validateResource: (args, report) => {
      const resource = plainResource(args);
      if (resource.type !== budgetType || (resource.props.migrationComplete === true) !== complete) return;
      const notes = complete ? [] : superuserNotes(resource);
      for (const { message } of [...liveRoleViolations(resource), ...notes]) report(message);
    },
  };
}

export function liveRoleViolations({ urn, props }: Resource): Violation[] {
  return [
    ...described(props.undeclared)
      .filter(([role]) => !isSuperuser(props, role))
      .map(([role, is]) => ({
        urn,
        message: `${role} (${is}) may log in to the live server and is not in the budget; add it under app-roles:existingRoles with its limit, or take its LOGIN away`,
      })),
    ...described(props.unlimited).map(([role, is]) => ({
      urn,
      message: isSuperuser(props, role)
        ? `${role} (${is}) is a superuser, which no limit holds; make it an ordinary role`
        : `the live server does not hold ${role} to its limit (${is}); set enforce: true under app-roles:existingRoles.${role}, or run ALTER ROLE ... CONNECTION LIMIT on the server`,
    })),
  ];
}

/** Superusers outside the budget, the admin among them: no limit holds them, so they are named and never a violation at the end. */
export function superuserNotes({ urn, props }: Resource): Violation[] {
  return described(props.undeclared)
    .filter(([role]) => isSuperuser(props, role))
    .map(([role, is]) => ({
      urn,
      message: `${role} (${is}) is a superuser, which no limit holds; keep it for administration, away from every service`,
    }));
}

/** Role to its limit in words, as ConnectionBudget gives them: `limit 20`, `unlimited, superuser`. */
function described(roles: Value): [role: string, is: string][] {
  return isValues(roles) ? Object.entries(roles).map(([role, is]) => [role, valueText(is)]) : [];
}

function isSuperuser({ superusers }: Resource["props"], role: string): boolean {
  return Array.isArray(superusers) && superusers.includes(role);
}
