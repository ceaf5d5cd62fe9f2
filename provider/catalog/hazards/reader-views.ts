import { type Access, privilegesOn } from "../access.ts";
import { parseAcl } from "../acl.ts";
import type { HazardKind } from "./hazard.ts";
import { quoted } from "./quoted.ts";
import type { RoleFacts } from "./role-facts.ts";
import { holds, readRoles, rightsOf } from "./roles.ts";
import { byName, type Routine, readViews, readWithItsRights, type View } from "./views.ts";

/**
 * Views a role is given SELECT on that fail for it all the same: a view calls its functions, and one with
 * security_invoker reads its relations, with the rights of whoever reads it (PostgreSQL documentation, CREATE VIEW).
 */
export const readerViews: HazardKind<RoleFacts> = {
  name: "views that fail for the role that reads them",
  async find(db, { role, access, schemas }, reads) {
    const views = await reads.once(db, readViews);
    const rights = rightsOf(await reads.once(db, readRoles), role);
    const named = byName(views);
    const mayCall = ({ schema, acl, securityDefiner }: Routine): boolean =>
      holds(parseAcl(acl), "EXECUTE", rights) || gives(access, schemas, schema, securityDefiner);
    return views
      .filter(({ schema }) => schemas.includes(schema))
      .flatMap((view) => {
        // What is stored has called its functions at its refresh.
        const calls = calledByReader(view, named).filter((routine) => !mayCall(routine));
        const unread = view.asReader
          ? readWithItsRights(view, named).filter(
              ({ schema, acl, columnAcls }) =>
                !schemas.includes(schema) &&
                !holds(parseAcl(acl), "SELECT", rights) &&
                !(columnAcls.length > 0 && columnAcls.every((column) => holds(parseAcl(column), "SELECT", rights))),
            )
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

/** Whether this very up gives the role EXECUTE: by its level, or as the owner. */
function gives(access: Access, schemas: string[], schema: string, securityDefiner: boolean): boolean {
  if (!schemas.includes(schema)) return false;
  return access === "owner" || privilegesOn(access, { kind: "routine", securityDefiner }).includes("EXECUTE");
}

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
