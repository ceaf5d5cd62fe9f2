import { escapeIdentifier } from "pg";
import type { Queryable } from "./connection.ts";
import { explain, listOf } from "./explain.ts";

/** Statements that grant something for one transaction, and those that revoke it. */
export interface TemporaryGrant {
  grant: string[];
  revoke: string[];
}

interface Standing {
  role: string;
  me: string;
  /** Whether it has the role's privileges without SET ROLE. */
  inherits: boolean;
  maySet: boolean;
  /** The grantor in whose name the user can grant itself the role; null: it cannot, or the grant would change nothing. */
  grantor: string | null;
  /** The existing grant by that grantor; null: none. */
  own: { inherit: boolean; set: boolean } | null;
  version: number;
}

/**
 * Statements that make a non-superuser a member of roles, and end the membership. Both run in one transaction, so that nothing
 * remains if it fails. Existing memberships are left as they are.
 * Source: PostgreSQL documentation, GRANT on roles (INHERIT, SET and GRANTED BY since 16, CREATEROLE before).
 */
export async function membershipOf(db: Queryable, roles: string[]): Promise<TemporaryGrant> {
  if (roles.length === 0) return { grant: [], revoke: [] };
  const lacking = (await standings(db, await sessionUser(db), roles)).filter((one) => isLacking(one) && canTake(one));
  return {
    grant: lacking.map(({ role, me, version, grantor }) => {
      const grant = `GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(me)}`;
      return version < 16 ? grant : `${grant} WITH INHERIT TRUE, SET TRUE${by(grantor)}`;
    }),
    revoke: lacking.map(({ role, me, own, version, grantor }) => {
      const [granted, member] = [escapeIdentifier(role), escapeIdentifier(me)];
      if (version < 16) return `REVOKE ${granted} FROM ${member}`;
      return own
        ? `GRANT ${granted} TO ${member} WITH INHERIT ${own.inherit}, SET ${own.set}${by(grantor)}`
        : `REVOKE ${granted} FROM ${member}${by(grantor)}`;
    }),
  };
}

/**
 * CREATE on a schema, which the new owner of an object must have (PostgreSQL documentation, ALTER TABLE), granted by the owner of
 * the schema; undefined if the role has it.
 */
export async function createPrivilege(
  db: Queryable,
  schema: string,
  role: string,
): Promise<(TemporaryGrant & { owner: string }) | undefined> {
  const { rows } = await db.query<{ owner: string }>(
    `SELECT pg_get_userbyid(n.nspowner) AS owner FROM pg_namespace n, pg_roles r
     WHERE n.nspname = $1 AND r.rolname = $2 AND NOT has_schema_privilege(r.oid, n.oid, 'CREATE')`,
    [schema, role],
  );
  const [found] = rows;
  if (!found) return undefined;
  const [on, grantee] = [`CREATE ON SCHEMA ${escapeIdentifier(schema)}`, escapeIdentifier(role)];
  return { ...found, grant: [`GRANT ${on} TO ${grantee}`], revoke: [`REVOKE ${on} FROM ${grantee}`] };
}

function by(grantor: string | null): string {
  return grantor === null ? "" : ` GRANTED BY ${escapeIdentifier(grantor)}`;
}

/** Roles that the user neither is a member of nor can make itself a member of. */
export interface Unreachable {
  me: string;
  roles: Set<string>;
  /** Superusers, and members of a superuser, among these roles. */
  superusers: Set<string>;
  /** Before PostgreSQL 16 a NOINHERIT user inherits no privileges at all. */
  isNoInherit: boolean;
}

/** @param as the user; default: the session's */
export async function unreachableRoles(db: Queryable, roles: string[], as?: string): Promise<Unreachable> {
  const user = await sessionUser(db, as);
  const found = await standings(db, user, roles);
  const unreachable = found.filter((one) => isLacking(one) && !canTake(one)).map(({ role }) => role);
  return {
    me: user.me,
    isNoInherit: user.noInherit && user.version < 16,
    roles: new Set(unreachable),
    superusers: await superusersAmong(db, unreachable),
  };
}

async function superusersAmong(db: Queryable, roles: string[]): Promise<Set<string>> {
  if (roles.length === 0) return new Set();
  const { rows } = await db.query<{ role: string }>(
    `SELECT r.rolname AS role FROM pg_roles r
     WHERE r.rolname = ANY ($1::text[])
       AND EXISTS (SELECT FROM pg_roles s WHERE s.rolsuper AND (s.oid = r.oid OR NOT r.rolsuper AND pg_has_role(r.oid, s.oid, 'MEMBER')))`,
    [roles],
  );
  return new Set(rows.map(({ role }) => role));
}

interface SessionUser {
  me: string;
  superuser: boolean;
  noInherit: boolean;
  /** Major version of the server. */
  version: number;
}

async function sessionUser(db: Queryable, as?: string): Promise<SessionUser> {
  const { rows } = await db.query<SessionUser>(
    `SELECT rolname AS me, rolsuper AS superuser, NOT rolinherit AS "noInherit",
            current_setting('server_version_num')::int / 10000 AS version
     FROM pg_roles WHERE rolname = coalesce($1, current_user)`,
    [as],
  );
  const [user] = rows;
  if (!user) throw new Error(`the server has no role ${as}`);
  return user;
}

function isLacking({ inherits, maySet }: Standing): boolean {
  return !inherits || !maySet;
}

function canTake({ grantor }: Standing): boolean {
  return grantor !== null;
}

/** Empty for a superuser, which can act as any role. */
async function standings(db: Queryable, { me, superuser, version }: SessionUser, roles: string[]): Promise<Standing[]> {
  if (superuser || roles.length === 0) return [];
  const standing = await db.query<Standing>(version >= 16 ? standingsSql : standingsBefore16, [
    [...new Set(roles)],
    me,
  ]);
  return standing.rows.map((row) => ({ ...row, version }));
}

// The grantor itself must have the ADMIN OPTION; the user needs only its privileges.
const standingsSql = `
  SELECT r.rolname AS role, me.rolname AS me, pg_has_role(me.oid, r.oid, 'USAGE') AS inherits, pg_has_role(me.oid, r.oid, 'SET') AS "maySet",
         g.rolname AS grantor,
         (SELECT json_build_object('inherit', m.inherit_option, 'set', m.set_option) FROM pg_auth_members m
          WHERE m.roleid = r.oid AND m.member = me.oid AND m.grantor = g.oid) AS own
  FROM pg_roles me, pg_roles r
  LEFT JOIN LATERAL (
    SELECT g.oid, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.member
    WHERE a.roleid = r.oid AND a.admin_option AND pg_has_role(me.oid, g.oid, 'USAGE')
    ORDER BY g.oid = me.oid DESC, g.rolname LIMIT 1
  ) g ON true
  WHERE r.rolname = ANY ($1::text[]) AND me.rolname = $2 ORDER BY 1`;

// There is one grant for each member: granting it again does nothing, and for NOINHERIT it has no effect.
const standingsBefore16 = `
  SELECT r.rolname AS role, me.rolname AS me, pg_has_role(me.oid, r.oid, 'USAGE') AS inherits, pg_has_role(me.oid, r.oid, 'MEMBER') AS "maySet",
         CASE WHEN (pg_has_role(me.oid, r.oid, 'MEMBER WITH ADMIN OPTION') OR (me.rolcreaterole AND NOT r.rolsuper)) AND me.rolinherit
                   AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.member = me.oid)
              THEN me.rolname END AS grantor,
         NULL AS own
  FROM pg_roles r, pg_roles me
  WHERE r.rolname = ANY ($1::text[]) AND me.rolname = $2 ORDER BY 1`;

/**
 * The reason why a non-superuser admin cannot change objects of other roles, and what a superuser can run. Not for a superuser's
 * objects: the remedy would let the admin become that superuser.
 */
export function memberReason(
  doing: string,
  { me, roles, superusers, isNoInherit }: Unreachable,
  objects: string[],
): string {
  const owners = [...roles].filter((role) => !superusers.has(role)).sort();
  const member = escapeIdentifier(me);
  const statement = isNoInherit
    ? `ALTER ROLE ${member} INHERIT`
    : `GRANT ${owners.map(escapeIdentifier).join(", ")} TO ${member} WITH ADMIN OPTION`;
  return (
    `${me} cannot ${doing}: it is not a superuser, and neither a member of ${owners.join(", ")} nor able to make itself one. ` +
    `Let a superuser run ${statement}, or connect as a superuser (app-roles:server.admin). Objects: ${listOf(objects)}`
  );
}

/**
 * Runs `work` in the open transaction as a member of `roles`, which a non-superuser admin must be to change objects that they own.
 * `work` receives whether memberships were granted: then it must not commit. A rollback also ends the memberships.
 */
export async function actingFor<T>(
  db: Queryable,
  roles: string[],
  work: (isMember: boolean) => Promise<T>,
): Promise<T> {
  const { grant, revoke } = await membershipOf(db, roles);
  await runAll(db, grant, "become a member of");
  const result = await work(grant.length > 0);
  await runAll(db, revoke, "end the membership in");
  return result;
}

async function runAll(db: Queryable, statements: string[], what: string): Promise<void> {
  for (const statement of statements) {
    try {
      await db.query(statement);
    } catch (error) {
      throw explain(`cannot ${what} a role (${statement})`, error);
    }
  }
}
