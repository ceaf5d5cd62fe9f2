import type { Queryable } from "../../connection.ts";
import type { Hazard, HazardKind } from "./hazard.ts";
import type { ServerFacts } from "./server-facts.ts";

/**
 * Databases that PUBLIC may connect to, so that every role may: those that nobody declared (the admin's own, where nobody
 * keeps anything, and templates are left out), and declared ones that some of the stack's roles have no access to. It is only
 * said: whoever needs CONNECT there must be granted it before it is taken from PUBLIC.
 */
export const publicConnect: HazardKind<ServerFacts> = {
  name: "databases that everybody may connect to",
  async find(db, facts) {
    if (facts.databases.length === 0) return [];
    return [...(await undeclaredDatabases(db, facts)), ...(await declaredDatabases(db, facts))];
  },
};

const isPublic = `EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) e
                          WHERE e.grantee = 0 AND e.privilege_type = 'CONNECT')`;

async function undeclaredDatabases(db: Queryable, { databases, adminDatabase }: ServerFacts): Promise<Hazard[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT quote_ident(datname) AS name FROM pg_database
     WHERE datallowconn AND NOT datistemplate AND NOT datname = ANY ($1::text[]) AND ${isPublic}
     ORDER BY 1`,
    [[...databases, adminDatabase]],
  );
  return rows.map(({ name }) => ({
    object: `database ${name}`,
    what: "PUBLIC may connect, so every role of this stack may, though none is declared to",
    remedy: "GRANT CONNECT to those who use it, then REVOKE CONNECT ON DATABASE ... FROM PUBLIC; or leave it",
  }));
}

/** Each role with access is granted CONNECT by name; one that is not made yet has no say. */
async function declaredDatabases(db: Queryable, { databases, roles }: ServerFacts): Promise<Hazard[]> {
  const { rows } = await db.query<{ name: string; path: string; roles: string[] }>(
    `SELECT quote_ident(datname) AS name, datname AS path, array_agg(r.rolname::text ORDER BY r.rolname) AS roles
     FROM pg_database JOIN pg_roles r ON r.rolname = ANY ($2::text[])
     WHERE datname = ANY ($1::text[]) AND ${isPublic}
       AND NOT EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) e
                       WHERE e.grantee <> 0 AND e.privilege_type = 'CONNECT' AND pg_has_role(r.oid, e.grantee, 'USAGE'))
     GROUP BY datname ORDER BY 1`,
    [databases, roles],
  );
  return rows.map(({ name, path, roles: without }) => ({
    object: `database ${name}`,
    what: `PUBLIC may connect, so ${without.join(", ")} may, without access there`,
    remedy: `app-roles:databases.${path}.revokeFromPublic: [CONNECT]; or leave it`,
  }));
}
