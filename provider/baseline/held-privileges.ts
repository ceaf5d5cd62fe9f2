import { parseAcl } from "../postgres/acl.ts";
import type { FutureKind } from "../privileges/default-privileges.ts";
import type { HeldBefore } from "../privileges/plan.ts";
import type { Snapshot } from "./contract.ts";

const futureKindOf: Record<string, FutureKind> = { r: "TABLES", S: "SEQUENCES", f: "FUNCTIONS", T: "TYPES" };

/** What a baseline says that `role` held by name; nothing for a role that did not exist. */
export function heldBefore(
  snapshot: Pick<Snapshot, "acls" | "columnAcls" | "defaultPrivileges" | "roles">,
  role: string,
): HeldBefore[] {
  if (snapshot.roles[role] === null) return [];
  const of = (object: string, acl: string[], suffix = ""): HeldBefore[] =>
    parseAcl(acl)
      .filter(({ grantee }) => grantee === role)
      .map(({ privilege, grantable }) => ({ object, privilege: `${privilege}${suffix}`, grantable }));
  return [
    ...Object.entries(snapshot.acls).flatMap(([object, acl]) => of(object, acl)),
    ...Object.entries(snapshot.columnAcls).flatMap(([object, columns]) =>
      Object.entries(columns).flatMap(([column, acl]) => of(`column ${column} of ${object}`, acl)),
    ),
    ...snapshot.defaultPrivileges.flatMap(({ creator, schema, objectType, acl }) => {
      const on = futureKindOf[objectType];
      if (schema === null || on === undefined) return [];
      return of(`default privileges of ${creator} in ${schema}`, acl, ` on ${on.toLowerCase()}`);
    }),
  ];
}
