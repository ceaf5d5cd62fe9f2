import type { Grants } from "./grants.ts";
import { settingTexts } from "./settings.ts";
import type { Access, Role } from "./stack.ts";

/** A role as a rehearsal tries it out in one database. */
export interface RehearsedRole {
  role: string;
  /** Undefined: explicit grants alone, or nothing there. */
  access: Access | undefined;
  /** Privileges beyond the access level. */
  grants: Grants | undefined;
  /** As they would stand in postgresql.conf. */
  settings: Record<string, string>;
}

/** All roles, with what they may do in one database: a migration may name any of them. */
export function rehearsedRoles(
  roles: Record<string, Pick<Role, "access" | "settings"> & Partial<Pick<Role, "grants">>>,
  database: string,
): RehearsedRole[] {
  return Object.entries(roles).map(([role, { access, grants = {}, settings }]) => {
    const level = Object.hasOwn(access, database) ? access[database] : undefined;
    const own = Object.hasOwn(grants, database) ? grants[database] : undefined;
    return { role, access: level, grants: own, settings: settingTexts(settings) };
  });
}
