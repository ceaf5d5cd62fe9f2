import { escapeIdentifier } from "pg";
import type { Queryable } from "../connection.ts";
import { listOf } from "./privileges-lines.ts";

/** What lets the session's user act as a role's owner would, and what takes that back again. */
export interface Membership {
  take: string[];
  giveBack: string[];
}

interface Standing {
  role: string;
  me: string;
  /** Has the role's privileges without a SET ROLE. */
  inherits: boolean;
  maySet: boolean;
  mayGrant: boolean;
  /** What the user has granted itself before; null: nothing, or a server that keeps one grant for each member. */
  own: { inherit: boolean; set: boolean } | null;
  version: number;
}

/**
 * The statements by which a user that is no superuser becomes a member of roles, and is none again: for one transaction,
 * so that nothing of it is left whatever ends that. Roles it is a member of already, and itself, need none.
 * Source: PostgreSQL documentation, GRANT on roles (INHERIT and SET since 16, CREATEROLE before).
 */
export async function membershipOf(db: Queryable, roles: string[]): Promise<Membership> {
  const lacking = (await standings(db, roles)).filter(isLacking);
  return {
    take: lacking.map(({ role, me, version }) => {
      const options = version >= 16 ? " WITH INHERIT TRUE, SET TRUE" : "";
      return `GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(me)}${options}`;
    }),
    giveBack: lacking.map(({ role, me, own }) => {
      const [granted, member] = [escapeIdentifier(role), escapeIdentifier(me)];
      return own
        ? `GRANT ${granted} TO ${member} WITH INHERIT ${own.inherit}, SET ${own.set}`
        : `REVOKE ${granted} FROM ${member}`;
    }),
  };
}

/** Those of `roles` that the session's user can neither act as nor make itself a member of. */
export async function unreachableRoles(db: Queryable, roles: string[]): Promise<{ me: string; roles: Set<string> }> {
  const found = await standings(db, roles);
  const unreachable = found.filter((one) => isLacking(one) && !one.mayGrant).map(({ role }) => role);
  return { me: found[0]?.me ?? "", roles: new Set(unreachable) };
}

function isLacking({ inherits, maySet }: Standing): boolean {
  return !inherits || !maySet;
}

async function standings(db: Queryable, roles: string[]): Promise<Standing[]> {
  if (roles.length === 0) return [];
  const { rows } = await db.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS version",
  );
  const version = rows[0]?.version ?? 0;
  const options = version >= 16;
  const standing = await db.query<Standing>(
    `SELECT r.rolname AS role, me.rolname AS me, ${version} AS version,
            pg_has_role(r.oid, 'USAGE') AS inherits,
            pg_has_role(r.oid, '${options ? "SET" : "MEMBER"}') AS "maySet",
            pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')
              ${options ? "" : "OR me.rolcreaterole AND NOT r.rolsuper"} AS "mayGrant",
            ${
              options
                ? `(SELECT json_build_object('inherit', inherit_option, 'set', set_option) FROM pg_auth_members m
                    WHERE m.roleid = r.oid AND m.member = me.oid AND m.grantor = me.oid)`
                : "NULL"
            } AS own
     FROM pg_roles r, pg_roles me
     WHERE r.rolname = ANY ($1::text[]) AND me.rolname = current_user AND NOT me.rolsuper ORDER BY 1`,
    [[...new Set(roles)]],
  );
  return standing.rows;
}

/** Why an admin that is no superuser is refused, with what it may not touch and what a superuser can do about it. */
export function memberReason(doing: string, me: string, owners: Set<string>, objects: string[]): string {
  const list = [...owners].sort().join(", ");
  return (
    `${me} cannot ${doing}: it is no superuser, and neither a member of ${list} nor able to make itself one. ` +
    `Let a superuser run GRANT ${[...owners].sort().map(escapeIdentifier).join(", ")} TO ${escapeIdentifier(me)} WITH ADMIN OPTION ` +
    `(a superuser's own objects it must first give to an ordinary role), or connect as a superuser (app-roles:server.admin). Concerned: ${listOf(objects)}`
  );
}
