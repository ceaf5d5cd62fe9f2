import { readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import type { WarningKind } from "./warning.ts";

const readable = ["table", "foreign table", "view", "materialized view"];

/** Relations in the schemas that another role keeps and that the owner may not read. */
export const keptObjects: WarningKind<OwnershipFacts> = {
  name: "kept relations that the owner may not read",
  async find(db, facts, reads) {
    const after = await readAfterUp(db, facts, reads);
    return facts.objects.flatMap(({ key, schema, type, owner, acl }) => {
      const keeper = after.ownerOf(key, owner);
      if (!readable.includes(type) || !facts.schemas.includes(schema) || keeper === facts.owner) return [];
      // Where nothing was granted, the owner alone may read it.
      if (after.may(facts.owner, "SELECT", { name: key, schema, owner, acl: acl ?? [ownItem(owner)] })) return [];
      return [
        {
          object: key,
          what: `stays with ${keeper} (keepOwner), and ${facts.owner} may not read it: a migration that selects from it, or builds on it, fails`,
          remedy: `app-roles:roles.${facts.owner}.grants.${facts.database}.tables: {${JSON.stringify(key)}: [SELECT]}; nothing if no migration uses it`,
        },
      ];
    });
  },
};

/** As an aclitem. */
function ownItem(owner: string): string {
  const name = `"${owner.replaceAll('"', '""')}"`;
  return `${name}=r/${name}`;
}
