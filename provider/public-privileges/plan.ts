import { escapeIdentifier } from "pg";
import type { PublicPrivilege } from "../../model/stack.ts";
import { parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";

/** A privilege on the database, as in the catalog. */
export interface LivePrivilege {
  privilege: PublicPrivilege;
  /** Grantors of the privilege to PUBLIC; empty: PUBLIC does not hold it. */
  grantors: string[];
  /** Login roles without superuser that hold it by name. */
  holders: string[];
}

export interface LiveDatabase {
  owner: string;
  /** Whether the admin can grant and revoke as the owner. */
  isOurs: boolean;
  /** Login roles without superuser. */
  logins: string[];
  privileges: LivePrivilege[];
  /** `database x`, its name in the baseline. */
  key: string;
}

/** Reads the privileges of PUBLIC and of login roles on a database; undefined when it does not exist. */
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

/** A privilege to revoke from PUBLIC, and the login roles to grant it to first: those that have it only through PUBLIC. */
export interface Revocation {
  privilege: PublicPrivilege;
  grantees: string[];
}

/** @param roles roles of the stack, which have their declared privileges */
export function planRevocations(live: LiveDatabase, wanted: PublicPrivilege[], roles: string[]): Revocation[] {
  return live.privileges
    .filter(({ privilege, grantors }) => wanted.includes(privilege) && grantors.length > 0)
    .map(({ privilege, holders }) => ({
      privilege,
      grantees: live.logins.filter((login) => !holders.includes(login) && !roles.includes(login)),
    }));
}

/** The reverse: the privileges of PUBLIC in the baseline, and the roles that had them only through PUBLIC. */
export function planRestorations(
  live: LiveDatabase,
  wanted: PublicPrivilege[],
  roles: string[],
  baselineAcl: string[] | undefined,
): Revocation[] {
  // Without an ACL the defaults apply: PUBLIC has both privileges, other login roles none.
  const baseline = baselineAcl && parseAcl(baselineAcl);
  const had = (grantee: string, privilege: string) =>
    baseline ? baseline.some((grant) => grant.grantee === grantee && grant.privilege === privilege) : grantee === "";
  return live.privileges
    .filter(({ privilege, grantors }) => wanted.includes(privilege) && grantors.length === 0 && had("", privilege))
    .map(({ privilege, holders }) => ({
      privilege,
      grantees: holders.filter((login) => login !== live.owner && !roles.includes(login) && !had(login, privilege)),
    }));
}

/** Run them in one transaction, so that no role lacks the privilege in between. */
export function revocationStatements(database: string, { privilege, grantees }: Revocation): string[] {
  const on = `${privilege} ON DATABASE ${escapeIdentifier(database)}`;
  return [
    ...(grantees.length > 0 ? [`GRANT ${on} TO ${grantees.map((name) => escapeIdentifier(name)).join(", ")}`] : []),
    `REVOKE ${on} FROM PUBLIC`,
  ];
}

export function restorationStatements(database: string, { privilege, grantees }: Revocation): string[] {
  const on = `${privilege} ON DATABASE ${escapeIdentifier(database)}`;
  return [
    `GRANT ${on} TO PUBLIC`,
    ...(grantees.length > 0 ? [`REVOKE ${on} FROM ${grantees.map((name) => escapeIdentifier(name)).join(", ")}`] : []),
  ];
}
