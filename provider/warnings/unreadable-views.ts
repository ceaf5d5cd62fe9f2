import { parseAcl } from "../postgres/acl.ts";
import { quoted } from "../postgres/names.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts, RoleFacts } from "./facts.ts";
import { holds, isSuperuser, rolesOf } from "./roles.ts";
import { byName, type Relation, type Routine, readAsView, readViews, type View } from "./views.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Views, materialized views and continuous aggregates whose owner after the up cannot read a relation they select from, because
 * the owner of the view or of the relation changed. A view reads with its owner's privileges and then fails for every role
 * (PostgreSQL documentation, CREATE VIEW). A refresh also calls functions as the owner.
 */
export const unreadableViews: WarningKind<OwnershipFacts> = {
  name: "views whose owner cannot read their relations",
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
      ...readAsView(view, named)
        .filter((relation) => breaks(facts, after, view, owner, relation))
        .map((relation) => relationWarning(after, facts, view, owner, relation)),
      ...view.calls
        .filter(
          (routine) =>
            view.isStored && owner === facts.owner && !after.may(owner, "EXECUTE", { ...routine, kind: "routine" }),
        )
        .map(({ name }) => ({
          object: view.name,
          what: `a refresh runs as its owner, and ${owner} has no EXECUTE on ${name}`,
          remedy: remedyOf(after, facts, view, owner, `GRANT EXECUTE ON ${asRoutine(name)} TO ${quoted(owner)}`),
        })),
    ];
  });
}

/** Whether `owner`, the view's owner after the up, cannot read the relation because of a change of owner. */
function breaks(facts: OwnershipFacts, after: AfterUp, view: View, owner: string, relation: Relation): boolean {
  if (after.mayRead(owner, relation)) return false;
  if (owner === facts.owner || after.previousOwnerOf(view.name, view.owner) !== owner) return true;
  const { name, owner: now, acl } = relation;
  if (after.ownerOf(name, now) !== facts.owner) return false;
  return after.previousOwnerOf(name, now) === owner || holds(parseAcl(acl), "SELECT", rolesOf(after.roles, owner));
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
    what: `its owner after the up, ${owner}, cannot read ${name}, so it fails for every role`,
    remedy: remedyOf(after, facts, view, owner, `GRANT SELECT ON ${name} TO ${quoted(owner)}`),
  };
}

/** Nothing can be granted before the first up to a role that it creates, so the object is kept until then. */
function remedyOf(after: AfterUp, facts: OwnershipFacts, view: View, owner: string, grant: string): string {
  if (owner !== facts.owner) return `${grant}, or keep the owner of the relation (keepOwner)`;
  const keeper = after.previousOwnerOf(view.name, view.owner);
  return keeper === owner
    ? grant
    : `${grant}, or keep ${keeper} as the owner of the view (keepOwner) until that is granted`;
}

function asRoutine(name: string): string {
  return name.replace(/^\w+ /, "ROUTINE ");
}

/**
 * Views that fail for a role although it is granted SELECT: a view calls its functions, and with security_invoker reads its
 * relations, with the privileges of its reader (PostgreSQL documentation, CREATE VIEW).
 */
export const readerViews: WarningKind<RoleFacts> = {
  name: "views that fail for the role that reads them",
  async find(db, facts, reads) {
    const { role } = facts;
    const after = await readAfterUp(db, facts, reads);
    const views = await reads.once(db, readViews);
    const named = byName(views);
    return views
      .filter(
        (view) => after.grants(role, "SELECT", { ...view, acl: [] }) || after.ownerOf(view.name, view.owner) === role,
      )
      .flatMap((view) => {
        // A materialized view calls its functions at REFRESH only.
        const calls = calledByReader(view, named).filter(
          (routine) => !after.may(role, "EXECUTE", { ...routine, kind: "routine" }),
        );
        const unread = view.asReader
          ? readAsView(view, named).filter((relation) => !after.mayRead(role, relation))
          : [];
        return [
          ...calls.map(({ name }) => ({
            object: view.name,
            what: `it calls ${name}, on which ${role} has no EXECUTE: the view fails for ${role}`,
            remedy: `GRANT EXECUTE ON ${name.replace(/^\w+ /, "ROUTINE ")} TO ${quoted(role)}`,
          })),
          ...unread.map(({ name }) => ({
            object: view.name,
            what: `it reads ${name} with the privileges of its reader (security_invoker), and ${role} has no SELECT on it: the view fails for ${role}`,
            remedy: `GRANT SELECT ON ${name} TO ${quoted(role)}`,
          })),
        ];
      });
  },
};

/** The routines that a query on the view calls, including those of the views that it reads. */
function calledByReader(view: View, all: Map<string, View[]>): Routine[] {
  const found: Routine[] = [];
  const seen = new Set<string>();
  const walk = (next: View): void => {
    if (seen.has(next.name) || next.isStored) return;
    seen.add(next.name);
    found.push(...next.calls);
    for (const { name } of next.reads) for (const below of all.get(name) ?? []) walk(below);
  };
  walk(view);
  return found;
}
