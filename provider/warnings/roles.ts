import type { Grant } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";

/** A role as far as its rights go. */
export interface RoleRights {
  superuser: boolean;
  bypassesRowSecurity: boolean;
  /** `inherits`: it has that role's rights without SET ROLE. */
  memberOf: { role: string; inherits: boolean }[];
}

/** The server's roles by name. */
export type Roles = Map<string, RoleRights>;

export async function readRoles(db: Queryable): Promise<Roles> {
  const { rows } = await db.query<RoleRights & { name: string }>(rolesSql);
  return new Map(rows.map(({ name, ...rights }) => [name, rights]));
}

// Before PostgreSQL 16 the member's own attribute says whether it inherits, since then the membership's.
const rolesSql = `
  SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS "bypassesRowSecurity",
         coalesce((
           SELECT json_agg(json_build_object(
             'role', g.rolname, 'inherits', coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit)))
           FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid
         ), '[]') AS "memberOf"
  FROM pg_roles r`;

export function isSuperuser(roles: Roles, name: string): boolean {
  return roles.get(name)?.superuser ?? false;
}

/** Whether policies never hold for it; a superuser is asked for none. */
export function bypassesRowSecurity(roles: Roles, name: string): boolean {
  const role = roles.get(name);
  return role !== undefined && (role.superuser || role.bypassesRowSecurity);
}

/** The role itself and those whose rights it has by inheritance; the role alone while it does not exist yet. */
export function rightsOf(roles: Roles, name: string): Set<string> {
  return reach(roles, name, ({ inherits }) => inherits);
}

/** The role itself and all it is a member of, inheriting or not: what `+group` in pg_hba.conf means. */
export function groupsOf(roles: Roles, name: string): Set<string> {
  return reach(roles, name, () => true);
}

function reach(roles: Roles, name: string, follows: (edge: RoleRights["memberOf"][number]) => boolean): Set<string> {
  const reached = new Set([name]);
  // A set yields what is added while it is walked.
  for (const role of reached) {
    for (const edge of roles.get(role)?.memberOf ?? []) if (follows(edge)) reached.add(edge.role);
  }
  return reached;
}

/** Whether one of these roles, or PUBLIC, holds the privilege. */
export function holds(acl: Grant[], privilege: string, rights: Set<string>): boolean {
  return acl.some((grant) => grant.privilege === privilege && (grant.grantee === "" || rights.has(grant.grantee)));
}
