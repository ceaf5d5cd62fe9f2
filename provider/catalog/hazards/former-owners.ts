import { parseAcl } from "../acl.ts";
import { afterMove, type OwnershipFacts } from "./after.ts";
import type { Hazard, HazardKind } from "./hazard.ts";
import { quoted } from "./quoted.ts";
import { holds, isSuperuser, type Roles, readRoles, rightsOf } from "./roles.ts";

/**
 * Owners, no superusers, whose objects move. They keep their privileges (see keptAccess) and lose what only an owner may:
 * ALTER, DROP, and REFRESH before PostgreSQL 17. Once the move is done, those that have lost their privileges since.
 */
export const formerOwners: HazardKind<OwnershipFacts> = {
  name: "former owners that lose access",
  async find(db, facts, reads) {
    return losers(facts, await reads.once(db, readRoles));
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

function losers(facts: OwnershipFacts, roles: Roles): Hazard[] {
  const after = afterMove(facts);
  return facts.objects.flatMap(({ key, owner: now, type, acl }) => {
    const loser = now === facts.owner ? facts.former[key] : now;
    const use = useOf[type];
    if (use === undefined || loser === undefined || !roles.has(loser) || isSuperuser(roles, loser)) return [];
    if (after.ownerOf(key, now) !== facts.owner || facts.roles.includes(loser)) return [];
    const rights = rightsOf(roles, loser);
    if (rights.has(facts.owner)) return [];
    if (now !== facts.owner) {
      return [
        {
          object: key,
          what: `owned by ${loser}, which keeps its privileges, but ALTER, DROP and REFRESH are then for ${facts.owner} alone`,
          remedy: `keep it with ${loser} (keepOwner) if ${loser} needs those; else nothing`,
        },
      ];
    }
    // Without explicit privileges a routine is everybody's and all else its owner's alone.
    if (acl === null ? use === "EXECUTE" : holds(parseAcl(acl), use, rights)) return [];
    return [
      {
        object: key,
        what: `${loser} owned it before this stack came and has no ${use} on it any more`,
        remedy: `GRANT ${use} TO ${quoted(loser)} if it still needs it, or give it back (keepOwner)`,
      },
    ];
  });
}
