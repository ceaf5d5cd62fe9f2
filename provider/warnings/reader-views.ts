import { readAfterUp } from "./after-up.ts";
import { quoted } from "./quoted.ts";
import type { RoleFacts } from "./role-facts.ts";
import { byName, type Routine, readViews, readWithItsRights, type View } from "./views.ts";
import type { WarningKind } from "./warning.ts";

/**
 * Views a role is given SELECT on that fail for it all the same: a view calls its functions, and one with
 * security_invoker reads its relations, with the rights of whoever reads it (PostgreSQL documentation, CREATE VIEW).
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
        (view) => after.gives(role, "SELECT", { ...view, acl: [] }) || after.ownerOf(view.name, view.owner) === role,
      )
      .flatMap((view) => {
        // What is stored has called its functions at its refresh.
        const calls = calledByReader(view, named).filter(
          (routine) => !after.may(role, "EXECUTE", { ...routine, kind: "routine" }),
        );
        const unread = view.asReader
          ? readWithItsRights(view, named).filter((relation) => !after.mayRead(role, relation))
          : [];
        return [
          ...calls.map(({ name }) => ({
            object: view.name,
            what: `it calls ${name}, which ${role} may not: for ${role} the view fails`,
            remedy: `GRANT EXECUTE ON ${name.replace(/^\w+ /, "ROUTINE ")} TO ${quoted(role)}`,
          })),
          ...unread.map(({ name }) => ({
            object: view.name,
            what: `it reads ${name} with the rights of its reader (security_invoker), which ${role} has not: for ${role} the view fails`,
            remedy: `GRANT SELECT ON ${name} TO ${quoted(role)}`,
          })),
        ];
      });
  },
};

/** The routines that a query on the view calls: its own, and those of views that it reads. */
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
