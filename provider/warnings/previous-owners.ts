import { quoted } from "../postgres/names.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./facts.ts";
import { isSuperuser, rolesOf } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Previous owners that are not superusers. They keep their privileges (see keptAccess) and lose the operations that only an owner
 * can run: ALTER, DROP, and REFRESH before PostgreSQL 17. Also previous owners that have lost their privileges since.
 */
export const previousOwners: WarningKind<OwnershipFacts> = {
  name: "previous owners that lose access",
  async find(db, facts, reads) {
    return lostAccess(facts, await readAfterUp(db, facts, reads));
  },
};

/** The privilege needed to use an object, by its type; other types are of use to their owners only. */
const useOf: Record<string, string> = {
  table: "SELECT",
  "foreign table": "SELECT",
  view: "SELECT",
  "materialized view": "SELECT",
  sequence: "USAGE",
  function: "EXECUTE",
  procedure: "EXECUTE",
};

function lostAccess(facts: OwnershipFacts, after: AfterUp): Warning[] {
  return facts.objects.flatMap(({ key, schema, owner: now, type, acl }) => {
    const previous = after.previousOwnerOf(key, now);
    const use = useOf[type];
    if (use === undefined || !after.roles.has(previous) || isSuperuser(after.roles, previous)) return [];
    if (after.ownerOf(key, now) !== facts.owner || facts.roles.includes(previous)) return [];
    if (rolesOf(after.roles, previous).has(facts.owner)) return [];
    const kind = use === "EXECUTE" ? "routine" : "table";
    // Without explicit privileges PUBLIC can execute a routine, and only the owner can use anything else.
    const keeps =
      acl === null
        ? now === previous || use === "EXECUTE"
        : after.may(previous, use, { name: key, kind, schema, owner: now, acl });
    if (keeps) {
      // Without legacy users the migration is over, and the change of owner is what was wanted.
      if (now === facts.owner && facts.legacyUsers.length === 0) return [];
      return [
        {
          object: key,
          what: `the previous owner ${previous} keeps its privileges, but only ${facts.owner} can ALTER, DROP and REFRESH it`,
          remedy: `keep ${previous} as its owner (keepOwner) if ${previous} needs those; otherwise do nothing`,
        },
      ];
    }
    return [
      {
        object: key,
        what: `the previous owner ${previous} no longer has ${use} on it`,
        remedy: `GRANT ${use} TO ${quoted(previous)} if ${previous} still needs it, or restore ${previous} as its owner (keepOwner)`,
      },
    ];
  });
}
