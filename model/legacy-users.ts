import { databaseUrlUser } from "./database-url.ts";
import type { Stack } from "./stack.ts";

/** The users that services on `legacy` log in as, and so make objects as; none once all are cut over. */
export function legacyUsers({ services, serviceSecrets, server }: Stack): string[] {
  const users = services
    .filter(({ connectAs }) => connectAs === "legacy")
    .map(({ name }) => {
      const url = serviceSecrets[name]?.legacyUrl;
      return (url && databaseUrlUser(url)) || server.admin.user;
    });
  return [...new Set(users)];
}
