import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { quoted } from "./quoted.ts";
import { isSuperuser, rightsOf } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Owners, no superusers, whose objects move. They keep their privileges (see keptAccess) and lose what only an owner may:
 * ALTER, DROP, and REFRESH before PostgreSQL 17. Also those that have lost their privileges since.
 */
export const previousOwners: WarningKind<OwnershipFacts> = {
  name: "former owners that lose access",
  async find(db, facts, reads) {
    return losers(facts, await readAfterUp(db, facts, reads));
  },
};

/** What using an object takes, by its type; others do nothing for who does not own them. */
const useOf: Record<string, string> = {
  table: "SELECT",
  "foreign table": "SELECT",
  view: "SELECT",
  "materialized view": "SELECT",
  sequence: "USAGE",
  function: "EXECUTE",
  procedure: "EXECUTE",
};

function losers(facts: OwnershipFacts, after: AfterUp): Warning[] {
  return facts.objects.flatMap(({ key, schema, owner: now, type, acl }) => {
    const loser = after.formerOwnerOf(key, now);
    const use = useOf[type];
    if (use === undefined || !after.roles.has(loser) || isSuperuser(after.roles, loser)) return [];
    if (after.ownerOf(key, now) !== facts.owner || facts.roles.includes(loser)) return [];
    if (rightsOf(after.roles, loser).has(facts.owner)) return [];
    const kind = use === "EXECUTE" ? "routine" : "table";
    // Without explicit privileges a routine is everybody's and all else its owner's alone.
    const keeps =
      acl === null
        ? now === loser || use === "EXECUTE"
        : after.may(loser, use, { name: key, kind, schema, owner: now, acl });
    if (keeps) {
      // Once no service logs in as a legacy user the migration is over, and the move has done what it was to do.
      if (now === facts.owner && facts.legacyUsers.length === 0) return [];
      return [
        {
          object: key,
          what: `${loser} owned it before the move and keeps its privileges, but ALTER, DROP and REFRESH are for ${facts.owner} alone`,
          remedy: `leave it with ${loser} (keepOwner) if ${loser} needs those; else nothing`,
        },
      ];
    }
    return [
      {
        object: key,
        what: `${loser} owned it before this stack came and has no ${use} on it any more`,
        remedy: `GRANT ${use} TO ${quoted(loser)} if it still needs it, or give it back (keepOwner)`,
      },
    ];
  });
}
