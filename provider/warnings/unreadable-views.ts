import { parseAcl } from "../postgres/acl.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { quoted } from "./quoted.ts";
import { holds, isSuperuser, rightsOf } from "./roles.ts";
import { byName, type Relation, readViews, readWithItsRights, type View } from "./views.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Views, materialized views and continuous aggregates whose owner may not read what they select from once the move is
 * done, because they move away from it or it moves away from them: a view reads with its owner's rights and then fails
 * for everybody (PostgreSQL documentation, CREATE VIEW). What is stored also calls functions as its owner when it is
 * refreshed.
 */
export const unreadableViews: WarningKind<OwnershipFacts> = {
  name: "views that their owner may not read",
  async find(db, facts, reads) {
    return unreadable(facts, await reads.once(db, readViews), await readAfterUp(db, facts, reads));
  },
};

function unreadable(facts: OwnershipFacts, views: View[], after: AfterUp): Warning[] {
  const named = byName(views);
  return views.flatMap((view) => {
    const owner = after.ownerOf(view.name, view.owner);
    if (view.asReader || isSuperuser(after.roles, owner)) return [];
    return [
      ...readWithItsRights(view, named)
        .filter((relation) => breaks(facts, after, view, owner, relation))
        .map((relation) => relationWarning(after, facts, view, owner, relation)),
      ...view.calls
        .filter(
          (routine) =>
            view.isStored && owner === facts.owner && !after.may(owner, "EXECUTE", { ...routine, kind: "routine" }),
        )
        .map(({ name }) => ({
          object: view.name,
          what: `a refresh runs as its owner, and ${owner} may not call ${name}`,
          remedy: remedyOf(after, facts, view, owner, `GRANT EXECUTE ON ${asRoutine(name)} TO ${quoted(owner)}`),
        })),
    ];
  });
}

/** Whether `owner`, who owns the view afterwards, may not read the relation, and that has to do with the move. */
function breaks(facts: OwnershipFacts, after: AfterUp, view: View, owner: string, relation: Relation): boolean {
  if (after.mayRead(owner, relation)) return false;
  if (owner === facts.owner || after.formerOwnerOf(view.name, view.owner) !== owner) return true;
  const { name, owner: now, acl } = relation;
  if (after.ownerOf(name, now) !== facts.owner) return false;
  return after.formerOwnerOf(name, now) === owner || holds(parseAcl(acl), "SELECT", rightsOf(after.roles, owner));
}

function relationWarning(
  after: AfterUp,
  facts: OwnershipFacts,
  view: View,
  owner: string,
  { name }: Relation,
): Warning {
  return {
    object: view.name,
    what: `${owner} owns it once all has moved and may not read ${name}, so it fails for everybody`,
    remedy: remedyOf(after, facts, view, owner, `GRANT SELECT ON ${name} TO ${quoted(owner)}`),
  };
}

/** A role that the first up makes cannot be granted anything before. */
function remedyOf(after: AfterUp, facts: OwnershipFacts, view: View, owner: string, grant: string): string {
  if (owner !== facts.owner) return `${grant}, or keep what it reads where it is (keepOwner)`;
  const keeper = after.formerOwnerOf(view.name, view.owner);
  return keeper === owner ? grant : `${grant}, or keep the view with ${keeper} (keepOwner) until that is granted`;
}

function asRoutine(name: string): string {
  return name.replace(/^\w+ /, "ROUTINE ");
}
