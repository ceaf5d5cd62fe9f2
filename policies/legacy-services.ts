import type { EnforcementLevel, StackValidationPolicy } from "@pulumi/policy";
import { databaseUrlUser } from "../model/database-url.ts";
import { budgets, loginRoles } from "./login-role.ts";
import { legacyUrlType, plainResource, privilegesType, type Resource, type Violation } from "./resource.ts";
import { services } from "./service.ts";

/** Advisory during the migration: services that still log in as the legacy user. */
export const legacyServicesPolicy = policy("legacy-services", "advisory", false);

/** Mandatory with `migrationComplete: true`: no service, URL or default privilege depends on a legacy login. */
export const noLegacyServicesPolicy = policy("no-legacy-services", "mandatory", true);

function policy(name: string, enforcementLevel: EnforcementLevel, complete: boolean): StackValidationPolicy {
  return {
    name,
    description: `No service logs in as the legacy user${complete ? " once the migration is complete" : ""}.`,
    enforcementLevel,
    validateStack: (args, report) => {
      const resources = args.resources.map(plainResource);
      if (isMigrationComplete(resources) !== complete) return;
      if (complete) {
        const found = [...legacyServiceViolations(resources), ...legacyTraces(resources)];
        for (const { message, urn } of found) report(message, urn);
        return;
      }
      const advice = legacyServicesAdvice(resources);
      if (advice !== undefined) report(advice);
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

/** One line for all services that still log in as the legacy user; undefined if there are none. */
export function legacyServicesAdvice(resources: Resource[]): string | undefined {
  const [first, ...others] = legacyServiceViolations(resources);
  if (first === undefined || others.length === 0) return first?.message;
  const names = services(resources)
    .filter(({ connectAs }) => connectAs !== "role")
    .map(({ name }) => name)
    .sort();
  return `${names.length} services still log in as the legacy user: ${names.join(", ")}; to cut one over to its role, set connectAs: role and run pulumi up`;
}

/** Remains of the legacy login: its URLs, and default privileges on objects that it creates. */
export function legacyTraces(resources: Resource[]): Violation[] {
  const logins = loginRoles(resources);
  return resources.flatMap(({ type, urn, name, props }) => {
    if (type === legacyUrlType) {
      const isLogin = props.url !== undefined && userOf(props.url) !== undefined;
      return isLogin ? [{ urn, message: `the state holds the legacy URL of ${name}` }] : [];
    }
    const legacyUsers = type === privilegesType && Array.isArray(props.legacyUsers) ? props.legacyUsers : [];
    if (legacyUsers.length > 0) {
      const users = legacyUsers.map(String).join(", ");
      return [{ urn, message: `default privileges of ${name} still cover objects of ${users}; set legacyUsers: []` }];
    }
    const user = userOf(props.url);
    if (user === undefined || typeof props.role !== "string" || user === props.role) return [];
    // With rotation: alternate a login role of the role.
    if (logins.some(({ role, assumes }) => role === user && assumes === props.role)) return [];
    return [{ urn, message: `the URL of ${name} logs in as ${user}, not as ${props.role}` }];
  });
}

/** Undefined if the URL is not known yet, or is not a Postgres URL. */
function userOf(url: Resource["props"][string]): string | undefined {
  try {
    return typeof url === "string" ? databaseUrlUser(url) : undefined;
  } catch {
    return undefined;
  }
}
