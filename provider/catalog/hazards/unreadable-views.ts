import { parseAcl } from "../acl.ts";
import { type After, afterMove, type OwnershipFacts } from "./after.ts";
import type { Hazard, HazardKind } from "./hazard.ts";
import { quoted } from "./quoted.ts";
import { holds, isSuperuser, type Roles, readRoles, rightsOf } from "./roles.ts";
import { byName, type Relation, readViews, readWithItsRights, type View } from "./views.ts";

/**
 * Views, materialized views and continuous aggregates whose owner may not read what they select from once the move is
 * done, because they move away from it or it moves away from them: a view reads with its owner's rights and then fails
 * for everybody (PostgreSQL documentation, CREATE VIEW). What is stored also calls functions as its owner when it is
 * refreshed.
 */
export const unreadableViews: HazardKind<OwnershipFacts> = {
  name: "views that their owner may not read",
  async find(db, facts, reads) {
    return unreadable(facts, await reads.once(db, readViews), await reads.once(db, readRoles));
  },
};

function unreadable(facts: OwnershipFacts, views: View[], roles: Roles): Hazard[] {
  const after = afterMove(facts);
  const named = byName(views);
  return views.flatMap((view) => {
    const owner = after.ownerOf(view.name, view.owner);
    if (view.asReader || isSuperuser(roles, owner)) return [];
    return [
      ...readWithItsRights(view, named)
        .filter((relation) => breaks(facts, after, roles, owner, relation))
        .map((relation) => relationHazard(facts, view, owner, relation)),
      ...view.calls
        .filter(({ name, acl, owner: now }) => {
          const rights = rightsOf(roles, owner);
          return view.isStored && owner === facts.owner && !holds(after.aclOf(name, now, acl), "EXECUTE", rights);
        })
        .map(({ name }) => ({
          object: view.name,
          what: `a refresh runs as its owner, and ${owner} may not call ${name}`,
          remedy: remedyOf(facts, view, owner, `GRANT EXECUTE ON ${asRoutine(name)} TO ${quoted(owner)}`),
        })),
    ];
  });
}

/** Whether `owner`, who owns the view afterwards, may not read the relation, and that has to do with the move. */
function breaks(facts: OwnershipFacts, after: After, roles: Roles, owner: string, relation: Relation): boolean {
  const { name, owner: now, acl, columnAcls } = relation;
  const rights = rightsOf(roles, owner);
  const columns = columnAcls.map((column) => after.aclOf(name, now, column));
  const may =
    holds(after.aclOf(name, now, acl), "SELECT", rights) ||
    (columns.length > 0 && columns.every((column) => holds(column, "SELECT", rights)));
  if (may) return false;
  if (owner === facts.owner) return true;
  // Another role of the stack is given its privileges in the schemas by the same up.
  if (facts.roles.includes(owner)) return false;
  if (after.ownerOf(name, now) !== facts.owner) return false;
  return facts.former[name] === owner || holds(parseAcl(acl), "SELECT", rights);
}

function relationHazard(facts: OwnershipFacts, view: View, owner: string, { name }: Relation): Hazard {
  return {
    object: view.name,
    what: `${owner} owns it once all has moved and may not read ${name}, so it fails for everybody`,
    remedy: remedyOf(facts, view, owner, `GRANT SELECT ON ${name} TO ${quoted(owner)}`),
  };
}

/** A role that the first up makes cannot be granted anything before. */
function remedyOf(facts: OwnershipFacts, view: View, owner: string, grant: string): string {
  if (owner !== facts.owner) return `${grant}, or keep what it reads where it is (keepOwner)`;
  const keeper = view.owner === facts.owner ? facts.former[view.name] : view.owner;
  return keeper === undefined ? grant : `${grant}, or keep the view with ${keeper} (keepOwner) until that is granted`;
}

function asRoutine(name: string): string {
  return name.replace(/^\w+ /, "ROUTINE ");
}
