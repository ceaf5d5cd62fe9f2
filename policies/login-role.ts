import { budgetType, isValues, type Resource, roleType, type Unknown, unknown, type Value } from "./resource.ts";

/** A login role that the program creates. */
export interface LoginRole {
  /** The role's name on the server, or while it is unknown the resource's name. */
  role: string;
  resource: Resource;
  /** The role that its sessions SET ROLE to. Undefined: none, or not known. */
  assumes: string | undefined;
  /** Its CONNECTION LIMIT: whole and not negative; `unlimited`; or unknown. */
  limit: number | "unlimited" | Unknown;
}

/** The login roles among these resources, including roles whose LOGIN is not known yet. */
export function loginRoles(resources: Resource[]): LoginRole[] {
  return resources
    .filter(({ type, props }) => type === roleType && (props.login === true || props.login === unknown))
    .map((resource) => ({
      role: typeof resource.props.name === "string" ? resource.props.name : resource.name,
      resource,
      assumes: typeof resource.props.assumeRole === "string" ? resource.props.assumeRole : undefined,
      limit: connectionLimit(resource.props.connectionLimit),
    }));
}

/** The stack's own login roles, without existing ones. */
export function appRoles(resources: Resource[]): LoginRole[] {
  const existing = new Set(
    budgets(resources).flatMap(({ props }) =>
      (Array.isArray(props.entries) ? props.entries : [])
        .filter(isValues)
        .filter(({ source }) => source === "existing")
        .map(({ role }) => role),
    ),
  );
  return loginRoles(resources).filter(({ role }) => !existing.has(role));
}

export function budgets(resources: Resource[]): Resource[] {
  return resources.filter(({ type }) => type === budgetType);
}

/** -1, the default of Postgres and the official Role, means unlimited. */
export function connectionLimit(value: Value): number | "unlimited" | Unknown {
  if (value === unknown) return unknown;
  return typeof value === "number" && value >= 0 ? value : "unlimited";
}
