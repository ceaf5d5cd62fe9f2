import { z } from "zod";
import { grants as grantsSchema } from "./grants.ts";
import { settingTexts } from "./settings.ts";
import { accessLevels, type Role } from "./stack.ts";

/** A role as a rehearsal tries it in one database. */
export const rehearsedRole = z.strictObject({
  role: z.string(),
  access: z.enum(accessLevels).optional().describe("Default: only explicit grants, or nothing in this database."),
  grants: grantsSchema.optional().describe("Privileges beyond the access level."),
  settings: z.record(z.string(), z.string()).describe("As in postgresql.conf."),
});
export type RehearsedRole = z.infer<typeof rehearsedRole>;

/** All roles, with their access to one database: a migration may name any of them. */
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
