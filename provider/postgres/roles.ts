import { escapeIdentifier } from "pg";
import type { Queryable } from "./connection.ts";

/** The existing roles among `names`. */
export async function existingRoles(db: Queryable, names: string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1::text[])",
    [names],
  );
  return new Set(rows.map(({ name }) => name));
}

export async function roleExists(db: Queryable, name: string): Promise<boolean> {
  return (await existingRoles(db, [name])).has(name);
}

/** Whether the session's user is a superuser. */
export async function isSuperuser(db: Queryable): Promise<boolean> {
  const { rows } = await db.query("SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper");
  return rows.length > 0;
}

/** Whether the session's user can create roles. */
export async function canCreateRoles(db: Queryable): Promise<boolean> {
  const { rows } = await db.query("SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)");
  return rows.length > 0;
}

/**
 * Why the session's user cannot change the role's attributes and settings, with the statements to run; undefined if it can.
 * PostgreSQL documentation, ALTER ROLE: CREATEROLE, since 16 with ADMIN OPTION on the role; never a superuser's role, nor,
 * before 16, one with REPLICATION.
 */
export async function alterRoleProblem(db: Queryable, role: string): Promise<string | undefined> {
  const { rows } = await db.query<{ me: string; createsRoles: boolean; special: boolean; administers: boolean }>(
    `SELECT me.rolname AS me, me.rolcreaterole AS "createsRoles", r.rolsuper OR (r.rolreplication AND NOT v.new) AS special,
            NOT v.new OR pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION') AS administers
     FROM pg_roles r, pg_roles me, (SELECT current_setting('server_version_num')::int >= 160000 AS new) v
     WHERE r.rolname = $1 AND me.rolname = current_user AND NOT me.rolsuper`,
    [role],
  );
  const [found] = rows;
  if (!found) return undefined;
  const { me, createsRoles, special, administers } = found;
  if (special) return `${me} cannot change ${role}: only a superuser can (app-roles:server.admin)`;
  const missing = [
    ...(createsRoles ? [] : [`ALTER ROLE ${escapeIdentifier(me)} CREATEROLE`]),
    ...(administers ? [] : [`GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(me)} WITH ADMIN OPTION`]),
  ];
  return missing.length > 0 ? `${me} cannot change ${role}; let a superuser run: ${missing.join("; ")}` : undefined;
}
