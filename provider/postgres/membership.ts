import { escapeIdentifier } from "pg";
import type { Queryable } from "./connection.ts";
import { explain, listOf } from "./explain.ts";

/** What is granted for the length of one transaction, and what takes it back again. */
export interface Borrowed {
  take: string[];
  giveBack: string[];
}

interface Standing {
  role: string;
  me: string;
  /** Has the role's privileges without a SET ROLE. */
  inherits: boolean;
  maySet: boolean;
  /** In whose name the user can grant itself the role; null: it cannot, or it would change nothing. */
  grantor: string | null;
  /** What that grantor has granted the user before; null: nothing. */
  own: { inherit: boolean; set: boolean } | null;
  version: number;
}

/**
 * The statements by which a user that is no superuser becomes a member of roles, and is none again: for one transaction,
 * so that nothing of it is left whatever ends that. Roles it is a member of already, and itself, need none; nor do those
 * where a grant would change nothing, so that it is not taken away afterwards either.
 * Source: PostgreSQL documentation, GRANT on roles (INHERIT, SET and GRANTED BY since 16, CREATEROLE before).
 */
export async function membershipOf(db: Queryable, roles: string[]): Promise<Borrowed> {
  if (roles.length === 0) return { take: [], giveBack: [] };
  const lacking = (await standings(db, await sessionUser(db), roles)).filter((one) => isLacking(one) && canTake(one));
  return {
    take: lacking.map(({ role, me, version, grantor }) => {
      const grant = `GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(me)}`;
      return version < 16 ? grant : `${grant} WITH INHERIT TRUE, SET TRUE${by(grantor)}`;
    }),
    giveBack: lacking.map(({ role, me, own, version, grantor }) => {
      const [granted, member] = [escapeIdentifier(role), escapeIdentifier(me)];
      if (version < 16) return `REVOKE ${granted} FROM ${member}`;
      return own
        ? `GRANT ${granted} TO ${member} WITH INHERIT ${own.inherit}, SET ${own.set}${by(grantor)}`
        : `REVOKE ${granted} FROM ${member}${by(grantor)}`;
    }),
  };
}

/**
 * CREATE on a schema, which an object's new owner must have (PostgreSQL documentation, ALTER TABLE), granted by the schema's
 * owner; undefined when it has it.
 */
export async function createRight(
  db: Queryable,
  schema: string,
  role: string,
): Promise<(Borrowed & { owner: string }) | undefined> {
  const { rows } = await db.query<{ owner: string }>(
    `SELECT pg_get_userbyid(n.nspowner) AS owner FROM pg_namespace n, pg_roles r
     WHERE n.nspname = $1 AND r.rolname = $2 AND NOT has_schema_privilege(r.oid, n.oid, 'CREATE')`,
    [schema, role],
  );
  const [found] = rows;
  if (!found) return undefined;
  const [on, grantee] = [`CREATE ON SCHEMA ${escapeIdentifier(schema)}`, escapeIdentifier(role)];
  return { ...found, take: [`GRANT ${on} TO ${grantee}`], giveBack: [`REVOKE ${on} FROM ${grantee}`] };
}

function by(grantor: string | null): string {
  return grantor === null ? "" : ` GRANTED BY ${escapeIdentifier(grantor)}`;
}

/** Roles that the session's user can neither act as nor make itself a member of. */
export interface Unreachable {
  me: string;
  roles: Set<string>;
  /** Those of them that are superusers, or members of one: whoever acts as such a role is a superuser too. */
  superusers: Set<string>;
  /** Before PostgreSQL 16 a NOINHERIT user has no privilege of any role it is a member of. */
  isNoInherit: boolean;
}

export async function unreachableRoles(db: Queryable, roles: string[]): Promise<Unreachable> {
  const user = await sessionUser(db);
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
  /** The server's. */
  version: number;
}

async function sessionUser(db: Queryable): Promise<SessionUser> {
  const { rows } = await db.query<SessionUser>(
    `SELECT rolname AS me, rolsuper AS superuser, NOT rolinherit AS "noInherit",
            current_setting('server_version_num')::int / 10000 AS version
     FROM pg_roles WHERE rolname = current_user`,
  );
  return rows[0] as SessionUser;
}

function isLacking({ inherits, maySet }: Standing): boolean {
  return !inherits || !maySet;
}

function canTake({ grantor }: Standing): boolean {
  return grantor !== null;
}

/** None for a superuser, which may act as any role. */
async function standings(db: Queryable, { superuser, version }: SessionUser, roles: string[]): Promise<Standing[]> {
  if (superuser || roles.length === 0) return [];
  const standing = await db.query<Standing>(version >= 16 ? standingsSql : standingsBefore16, [[...new Set(roles)]]);
  return standing.rows.map((row) => ({ ...row, version }));
}

// Who grants must have the ADMIN OPTION itself; the user acts for it with its privileges alone.
const standingsSql = `
  SELECT r.rolname AS role, me.rolname AS me, pg_has_role(r.oid, 'USAGE') AS inherits, pg_has_role(r.oid, 'SET') AS "maySet",
         g.rolname AS grantor,
         (SELECT json_build_object('inherit', m.inherit_option, 'set', m.set_option) FROM pg_auth_members m
          WHERE m.roleid = r.oid AND m.member = me.oid AND m.grantor = g.oid) AS own
  FROM pg_roles me, pg_roles r
  LEFT JOIN LATERAL (
    SELECT g.oid, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.member
    WHERE a.roleid = r.oid AND a.admin_option AND pg_has_role(g.oid, 'USAGE')
    ORDER BY g.rolname = current_user DESC, g.rolname LIMIT 1
  ) g ON true
  WHERE r.rolname = ANY ($1::text[]) AND me.rolname = current_user ORDER BY 1`;

// There is one grant for each member: where it is there, granting again does nothing, and nothing at all for NOINHERIT.
const standingsBefore16 = `
  SELECT r.rolname AS role, me.rolname AS me, pg_has_role(r.oid, 'USAGE') AS inherits, pg_has_role(r.oid, 'MEMBER') AS "maySet",
         CASE WHEN (pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION') OR (me.rolcreaterole AND NOT r.rolsuper)) AND me.rolinherit
                   AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.member = me.oid)
              THEN me.rolname END AS grantor,
         NULL AS own
  FROM pg_roles r, pg_roles me
  WHERE r.rolname = ANY ($1::text[]) AND me.rolname = current_user ORDER BY 1`;

/**
 * Why an admin that is no superuser is refused what belongs to ordinary roles, and what a superuser can run about it. Never
 * for a superuser's objects: a member of a superuser can become it.
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
    `Let a superuser run ${statement}, or connect as a superuser (app-roles:server.admin). Concerned: ${listOf(objects)}`
  );
}

/**
 * Runs `work`, in the transaction that is open, as a member of `roles`: an admin that is no superuser has to be one to
 * change what they own. `work` is told whether it had to be: then all of it belongs into this one transaction. What ends the transaction early takes the memberships back, too.
 */
export async function actingFor<T>(
  db: Queryable,
  roles: string[],
  work: (isMember: boolean) => Promise<T>,
): Promise<T> {
  const { take, giveBack } = await membershipOf(db, roles);
  await runAll(db, take, "become a member of");
  const result = await work(take.length > 0);
  await runAll(db, giveBack, "give back the membership in");
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
