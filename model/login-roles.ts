/** How a role gets a new password. `alternate`: two login roles that SET ROLE to it take turns. Default: the role itself logs in. */
export type Rotation = "alternate";

/** What of a declared role says who logs in. */
export interface Rotated {
  rotation?: Rotation | undefined;
}

/** The two login roles of a role with `rotation: alternate`, in the order of their turns. */
export function alternateLogins(role: string): [first: string, second: string] {
  return [`${role}_a`, `${role}_b`];
}

/** The roles of the server that log in for a declared one: itself, or its two login roles. */
export function loginsOf(role: string, { rotation }: Rotated): string[] {
  return rotation === "alternate" ? alternateLogins(role) : [role];
}

/** All roles that are made on the server for the declared ones, login roles after the role they SET ROLE to. */
export function roleNames(roles: Record<string, Rotated>): string[] {
  return Object.entries(roles).flatMap(([role, declared]) => [...new Set([role, ...loginsOf(role, declared)])]);
}
