import type { Grant } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";

/** A role's attributes and memberships. */
export interface RoleAttributes {
  superuser: boolean;
  bypassesRowSecurity: boolean;
  /** `inherits`: it has that role's privileges without SET ROLE. */
  memberOf: { role: string; inherits: boolean }[];
}

/** The server's roles by name. */
export type Roles = Map<string, RoleAttributes>;

export async function readRoles(db: Queryable): Promise<Roles> {
  const { rows } = await db.query<RoleAttributes & { name: string }>(rolesSql);
  return new Map(rows.map(({ name, ...attributes }) => [name, attributes]));
}

// Before PostgreSQL 16 inheritance is an attribute of the member, since then of the membership.
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

/** Whether policies never apply to the role, as to a superuser. */
export function bypassesRowSecurity(roles: Roles, name: string): boolean {
  const role = roles.get(name);
  return role !== undefined && (role.superuser || role.bypassesRowSecurity);
}

/** The role itself and those whose privileges it inherits; only the role itself if it does not exist yet. */
export function rolesOf(roles: Roles, name: string): Set<string> {
  return reach(roles, name, ({ inherits }) => inherits);
}

/** The role itself and all roles it is a member of, inheriting or not: the meaning of `+group` in pg_hba.conf. */
export function groupsOf(roles: Roles, name: string): Set<string> {
  return reach(roles, name, () => true);
}

function reach(
  roles: Roles,
  name: string,
  follows: (edge: RoleAttributes["memberOf"][number]) => boolean,
): Set<string> {
  const reached = new Set([name]);
  // Iterating a set also yields entries added meanwhile.
  for (const role of reached) {
    for (const edge of roles.get(role)?.memberOf ?? []) if (follows(edge)) reached.add(edge.role);
  }
  return reached;
}

/** Whether one of these roles, or PUBLIC, holds the privilege. */
export function holds(acl: Grant[], privilege: string, roles: Set<string>): boolean {
  return acl.some((grant) => grant.privilege === privilege && (grant.grantee === "" || roles.has(grant.grantee)));
}
