import { settingTexts } from "./settings.ts";
import type { Access, Role } from "./stack.ts";

/** A role as a rehearsal tries it out in one database. */
export interface RehearsedRole {
  role: string;
  access: Access;
  /** As they would stand in postgresql.conf. */
  settings: Record<string, string>;
}

/** The roles with access to a database. */
export function rehearsedRoles(
  roles: Record<string, Pick<Role, "access" | "settings">>,
  database: string,
): RehearsedRole[] {
  return Object.entries(roles).flatMap(([role, { access, settings }]) => {
    const level = Object.hasOwn(access, database) ? access[database] : undefined;
    return level === undefined ? [] : [{ role, access: level, settings: settingTexts(settings) }];
  });
}
