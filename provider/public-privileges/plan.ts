import { escapeIdentifier } from "pg";
import type { PublicPrivilege } from "../../model/stack.ts";
import { parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";

/** One of them, as it stands in the catalog. */
export interface LivePrivilege {
  privilege: PublicPrivilege;
  /** Who granted it to PUBLIC; empty: PUBLIC does not hold it. */
  grantors: string[];
  /** Login roles, no superusers, that hold it themselves. */
  holders: string[];
}

export interface LiveDatabase {
  owner: string;
  /** Whether the admin may grant and revoke there as the owner does. */
  isOurs: boolean;
  /** Login roles, no superusers. */
  logins: string[];
  privileges: LivePrivilege[];
  /** `database x`, as the Baseline names it. */
  key: string;
}

/** What PUBLIC and the login roles hold on a database; undefined: there is no such database. */
export async function readPublicPrivileges(db: Queryable, database: string): Promise<LiveDatabase | undefined> {
  const { rows } = await db.query<Omit<LiveDatabase, "privileges"> & { acl: string[] }>(
    `SELECT pg_get_userbyid(datdba) AS owner, pg_has_role(datdba, 'USAGE') AS "isOurs", 'database ' || quote_ident(datname) AS key,
            coalesce(datacl, acldefault('d', datdba))::text[] AS acl,
            ARRAY(SELECT rolname::text FROM pg_roles WHERE rolcanlogin AND NOT rolsuper ORDER BY 1) AS logins
     FROM pg_database WHERE datname = $1`,
    [database],
  );
  const [found] = rows;
  if (!found) return undefined;
  const { acl, ...rest } = found;
  const grants = parseAcl(acl);
  const privileges = (["CONNECT", "TEMPORARY"] as const).map((privilege) => {
    const held = grants.filter((grant) => grant.privilege === privilege);
    return {
      privilege,
      grantors: held.filter(({ grantee }) => grantee === "").map(({ grantor }) => grantor),
      holders: held.map(({ grantee }) => grantee).filter((grantee) => rest.logins.includes(grantee)),
    };
  });
  return { ...rest, privileges };
}

/** What is taken from PUBLIC, and who is granted it first: every login role that has it from PUBLIC alone, `roles` apart. */
export interface Revocation {
  privilege: PublicPrivilege;
  grantees: string[];
}

/** @param roles the stack's own, which have what they are declared to have */
export function planRevocations(live: LiveDatabase, wanted: PublicPrivilege[], roles: string[]): Revocation[] {
  return live.privileges
    .filter(({ privilege, grantors }) => wanted.includes(privilege) && grantors.length > 0)
    .map(({ privilege, holders }) => ({
      privilege,
      grantees: live.logins.filter((login) => !holders.includes(login) && !roles.includes(login)),
    }));
}

/** The reverse: PUBLIC gets what it had, and those that had it from PUBLIC alone lose their own. */
export function planReturns(
  live: LiveDatabase,
  wanted: PublicPrivilege[],
  roles: string[],
  former: string[] | undefined,
): Revocation[] {
  // Without an ACL the defaults held: PUBLIC had both, and no other login role anything.
  const before = former && parseAcl(former);
  const had = (grantee: string, privilege: string) =>
    before ? before.some((grant) => grant.grantee === grantee && grant.privilege === privilege) : grantee === "";
  return live.privileges
    .filter(({ privilege, grantors }) => wanted.includes(privilege) && grantors.length === 0 && had("", privilege))
    .map(({ privilege, holders }) => ({
      privilege,
      grantees: holders.filter((login) => login !== live.owner && !roles.includes(login) && !had(login, privilege)),
    }));
}

/** In one transaction: nobody is without it in between. */
export function revocationStatements(database: string, { privilege, grantees }: Revocation): string[] {
  const on = `${privilege} ON DATABASE ${escapeIdentifier(database)}`;
  return [
    ...(grantees.length > 0 ? [`GRANT ${on} TO ${grantees.map((name) => escapeIdentifier(name)).join(", ")}`] : []),
    `REVOKE ${on} FROM PUBLIC`,
  ];
}

export function returnStatements(database: string, { privilege, grantees }: Revocation): string[] {
  const on = `${privilege} ON DATABASE ${escapeIdentifier(database)}`;
  return [
    `GRANT ${on} TO PUBLIC`,
    ...(grantees.length > 0 ? [`REVOKE ${on} FROM ${grantees.map((name) => escapeIdentifier(name)).join(", ")}`] : []),
  ];
}
