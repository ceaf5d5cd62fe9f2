/** How a role gets a new password. `alternate`: two login roles that SET ROLE to it take turns. Default: the role itself logs in. */
export type Rotation = "alternate";

/** The part of a declared role that decides who logs in. */
export interface Rotated {
  rotation?: Rotation | undefined;
}

/** The two login roles of a role with `rotation: alternate`, in the order of their turns. */
export function alternateLogins(role: string): [first: string, second: string] {
  return [`${role}_a`, `${role}_b`];
}

/** The login roles of a declared role: itself, or its two with `rotation: alternate`. */
export function loginsOf(role: string, { rotation }: Rotated): string[] {
  return rotation === "alternate" ? alternateLogins(role) : [role];
}

/** All roles that are created for the declared ones, login roles after the role they SET ROLE to. */
export function roleNames(roles: Record<string, Rotated>): string[] {
  return Object.entries(roles).flatMap(([role, declared]) => [...new Set([role, ...loginsOf(role, declared)])]);
}
