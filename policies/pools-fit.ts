import type { StackValidationPolicy } from "@pulumi/policy";
import { poolProblem } from "../model/pool.ts";
import { loginRoles } from "./login-role.ts";
import { plainResource, type Resource, type Violation } from "./resource.ts";
import { services } from "./service.ts";

/** Mandatory: the pools of a role's services fit its limit, so that no service is refused a connection. */
export const poolsFitPolicy: StackValidationPolicy = {
  name: "pools-fit",
  description: "The pools of a role's services, replicas and surge included, fit the role's connection limit.",
  enforcementLevel: "mandatory",
  validateStack: (args, report) => {
    for (const { message, urn } of poolViolations(args.resources.map(plainResource))) report(message, urn);
  },
};

export function poolViolations(resources: Resource[]): Violation[] {
  const found: Violation[] = [];
  const all = services(resources);
  for (const { name, urn, role, pool, migrates } of all) {
    const unread = [
      role === undefined && "role",
      pool === undefined && "pool",
      migrates === undefined && "migrates",
    ].filter(Boolean);
    if (unread.length > 0) {
      found.push({
        urn,
        message: `cannot check whether the pool of ${name} fits: ${unread.join(", ")} not known; give values that are known in preview`,
      });
    }
  }
  // Each login role of a role with rotation: alternate serves all its services in turn.
  for (const { role, assumes, limit, resource } of loginRoles(resources)) {
    if (typeof limit !== "number") continue;
    const users = all.flatMap((service) =>
      (service.role === role || (assumes !== undefined && service.role === assumes)) &&
      service.pool &&
      service.migrates !== undefined
        ? [{ service: service.name, pool: service.pool, migrates: service.migrates }]
        : [],
    );
    const problem = poolProblem(role, limit, users);
    if (problem) found.push({ urn: resource.urn, message: problem });
  }
  return found;
}
