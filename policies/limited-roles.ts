import type { ResourceValidationPolicy } from "@pulumi/policy";
import { loginRoles } from "./login-role.ts";
import { plainResource, type Resource, unknown, type Violation } from "./resource.ts";

/** Mandatory: every login role that the program creates has a limit. */
export const limitedRolesPolicy: ResourceValidationPolicy = {
  name: "limited-roles",
  description: "Every login role has a connection limit.",
  enforcementLevel: "mandatory",
  validateResource: (args, report) => {
    for (const { message } of unlimitedRoleViolations(plainResource(args))) report(message);
  },
};

export function unlimitedRoleViolations(resource: Resource): Violation[] {
  return loginRoles([resource])
    .filter(({ limit }) => typeof limit !== "number")
    .map(({ role, limit }) => ({
      urn: resource.urn,
      message:
        limit === unknown
          ? `the connection limit of ${role} is not known yet; give it a number that is known in preview`
          : `${role} can open any number of connections; set connectionLimit to what its services' pools need`,
    }));
}
