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

/** Advisory during the migration: login roles of the live server that the budget does not limit. */
export const liveRolesPolicy = policy("live-roles", "advisory", false);

/** Mandatory with `migrationComplete: true`: the budget limits every login role of the live server. */
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
        message: `${role} (${is}) can log in to the live server and is not in the budget; add it under app-roles:existingRoles with its limit, or revoke its LOGIN`,
      })),
    ...described(props.unlimited).map(([role, is]) => ({
      urn,
      message: isSuperuser(props, role)
        ? `${role} (${is}) is a superuser, to which no limit applies; run ALTER ROLE ... NOSUPERUSER on the server`
        : `the live server does not hold ${role} to its limit (${is}); set enforce: true under app-roles:existingRoles.${role}, or run ALTER ROLE ... CONNECTION LIMIT on the server`,
    })),
  ];
}

/** Superusers outside the budget, including the admin: no limit applies to them, so they are never a violation. */
export function superuserNotes({ urn, props }: Resource): Violation[] {
  return described(props.undeclared)
    .filter(([role]) => isSuperuser(props, role))
    .map(([role, is]) => ({
      urn,
      message: `${role} (${is}) is a superuser, to which no limit applies; use it for administration only, not for a service`,
    }));
}

/** Role to its limit in words, from ConnectionBudget: `limit 20`, `unlimited, superuser`. */
function described(roles: Value): [role: string, is: string][] {
  return isValues(roles) ? Object.entries(roles).map(([role, is]) => [role, valueText(is)]) : [];
}

function isSuperuser({ superusers }: Resource["props"], role: string): boolean {
  return Array.isArray(superusers) && superusers.includes(role);
}
