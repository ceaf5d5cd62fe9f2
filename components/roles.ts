import { databaseUrlUser } from "../model/database-url.ts";
import type { Stack } from "../model/stack.ts";
import { AppRole } from "./app-role.ts";
import type { DatabaseServer } from "./database-server.ts";

/** Every declared role, owners first: the others get default privileges on what those will make. */
export function createRoles(server: DatabaseServer, stack: Stack): Record<string, AppRole> {
  const made: Record<string, AppRole> = {};
  const isOwner = (name: string) => Object.values(stack.roles[name]?.access ?? {}).includes("owner");
  const names = Object.keys(stack.roles).toSorted((a, b) => Number(isOwner(b)) - Number(isOwner(a)));
  for (const name of names) {
    const { connectionLimit, access, settings } = stack.roles[name] as Stack["roles"][string];
    const levels = Object.entries(access).map(([database, level]) => {
      const owner = stack.databases[database]?.owner;
      const creators = [...(owner && owner !== name ? [made[owner] as AppRole] : []), ...legacyUsers(stack)];
      return [database, { level, creators }] as const;
    });
    made[name] = new AppRole(name, { server, connectionLimit, access: Object.fromEntries(levels), settings });
  }
  return made;
}

/** The users that services on `legacy` still make objects as; none once all are cut over. */
function legacyUsers(stack: Stack): string[] {
  const users = stack.services
    .filter(({ connectAs }) => connectAs === "legacy")
    .map(({ name }) => {
      const url = stack.serviceSecrets[name]?.legacyUrl;
      return (url && databaseUrlUser(url)) || stack.server.admin.user;
    });
  return [...new Set(users)];
}
