import type { ResourceValidationPolicy } from "@pulumi/policy";
import { plainResource, type Resource, roleType, unknown, type Violation } from "./resource.ts";

/** Attributes by the Role resource's name and Postgres's. */
const attributes: [property: string, attribute: string][] = [
  ["superuser", "SUPERUSER"],
  ["createRole", "CREATEROLE"],
  ["createDatabase", "CREATEDB"],
  ["replication", "REPLICATION"],
  ["bypassRowLevelSecurity", "BYPASSRLS"],
];

/** Mandatory: no role that the program creates has an attribute that bypasses privileges. */
export const unprivilegedRolesPolicy: ResourceValidationPolicy = {
  name: "unprivileged-roles",
  description: "No role is SUPERUSER, CREATEROLE, CREATEDB, REPLICATION or BYPASSRLS.",
  enforcementLevel: "mandatory",
  validateResource: (args, report) => {
    for (const { message } of attributeViolations(plainResource(args))) report(message);
  },
};

export function attributeViolations({ type, urn, name, props }: Resource): Violation[] {
  if (type !== roleType) return [];
  const role = typeof props.name === "string" ? props.name : name;
  return attributes.flatMap(([property, attribute]) => {
    const value = props[property];
    if (value !== true && value !== unknown) return [];
    const state = value === unknown ? `may be ${attribute}: ${property} is not known yet` : `is ${attribute}`;
    return [{ urn, message: `${role} ${state}, which no service needs; remove ${property}` }];
  });
}
