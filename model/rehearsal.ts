import type { Grants } from "./grants.ts";
import { settingTexts } from "./settings.ts";
import type { Access, Role } from "./stack.ts";

/** A role as a rehearsal tries it out in one database. */
export interface RehearsedRole {
  role: string;
  access: Access;
  /** Privileges beyond the access level. */
  grants: Grants | undefined;
  /** As they would stand in postgresql.conf. */
  settings: Record<string, string>;
}

/** The roles with access to a database. */
export function rehearsedRoles(
  roles: Record<string, Pick<Role, "access" | "settings"> & Partial<Pick<Role, "grants">>>,
  database: string,
): RehearsedRole[] {
  return Object.entries(roles).flatMap(([role, { access, grants = {}, settings }]) => {
    const level = Object.hasOwn(access, database) ? access[database] : undefined;
    if (level === undefined) return [];
    const own = Object.hasOwn(grants, database) ? grants[database] : undefined;
    return [{ role, access: level, grants: own, settings: settingTexts(settings) }];
  });
}
