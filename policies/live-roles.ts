import type { EnforcementLevel, ResourceValidationPolicy } from "@pulumi/policy";
import { budgetType, isValues, plainResource, type Resource, type Violation, valueText } from "./resource.ts";

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
      for (const { message } of liveRoleViolations(resource)) report(message);
    },
  };
}

export function liveRoleViolations({ urn, props }: Resource): Violation[] {
  const of = (property: string): [string, string][] => {
    const roles = props[property];
    return isValues(roles) ? Object.entries(roles).map(([role, is]) => [role, valueText(is)]) : [];
  };
  return [
    ...of("undeclared").map(([role, is]) => ({
      urn,
      message: `${role} (${is}) may log in to the live server and is not in the budget; add it under app-roles:existingRoles with its limit, or take its LOGIN away`,
    })),
    ...of("unlimited").map(([role, is]) => ({
      urn,
      message: `the live server does not hold ${role} to its limit (${is}); run ALTER ROLE ... CONNECTION LIMIT on the server with the limit declared under app-roles:existingRoles`,
    })),
  ];
}
