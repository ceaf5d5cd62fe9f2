import type { EnforcementLevel, StackValidationPolicy } from "@pulumi/policy";
import { budgets } from "./login-role.ts";
import { plainResource, type Resource, type Violation } from "./resource.ts";
import { services } from "./service.ts";

/** Advisory while services are being cut over: each service that still logs in as the legacy user. */
export const legacyServicesPolicy = policy("legacy-services", "advisory", false);

/** Mandatory once the stack says `migrationComplete: true`: no service logs in as the legacy user. */
export const noLegacyServicesPolicy = policy("no-legacy-services", "mandatory", true);

function policy(name: string, enforcementLevel: EnforcementLevel, complete: boolean): StackValidationPolicy {
  return {
    name,
    description: `No service logs in as the legacy user${complete ? " once the migration is complete" : ""}.`,
    enforcementLevel,
    validateStack: (args, report) => {
      const resources = args.resources.map(plainResource);
      if (isMigrationComplete(resources) !== complete) return;
      for (const { message, urn } of legacyServiceViolations(resources)) report(message, urn);
    },
  };
}

export function isMigrationComplete(resources: Resource[]): boolean {
  return budgets(resources).some(({ props }) => props.migrationComplete === true);
}

export function legacyServiceViolations(resources: Resource[]): Violation[] {
  return services(resources)
    .filter(({ connectAs }) => connectAs !== "role")
    .map(({ name, urn, role }) => ({
      urn,
      message: `${name} still logs in as the legacy user; to cut it over to ${role ?? "its role"}, set connectAs: role and run pulumi up`,
    }));
}
