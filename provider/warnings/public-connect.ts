import { parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import { holds, type Roles, readRoles, rightsOf } from "./roles.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Databases that PUBLIC may connect to, so that every role may: those that nobody declared (the admin's own, where nobody
 * keeps anything, and templates are left out), and declared ones that some of the stack's roles have no access to. It is only
 * said: whoever needs CONNECT there must be granted it before it is taken from PUBLIC.
 */
export const publicConnect: WarningKind<ServerFacts> = {
  name: "databases that everybody may connect to",
  async find(db, facts, reads) {
    if (facts.databases.length === 0) return [];
    return [
      ...(await undeclaredDatabases(db, facts)),
      ...(await declaredDatabases(db, facts, await reads.once(db, readRoles))),
    ];
  },
};

const isPublic = `EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) e
                          WHERE e.grantee = 0 AND e.privilege_type = 'CONNECT')`;

async function undeclaredDatabases(db: Queryable, { databases, adminDatabase }: ServerFacts): Promise<Warning[]> {
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

/** Each role with access is granted CONNECT by name, by this up at the latest. */
async function declaredDatabases(db: Queryable, facts: ServerFacts, roles: Roles): Promise<Warning[]> {
  const { rows } = await db.query<{ name: string; path: string; acl: string[] }>(
    `SELECT quote_ident(datname) AS name, datname AS path, coalesce(datacl, acldefault('d', datdba))::text[] AS acl
     FROM pg_database WHERE datname = ANY ($1::text[]) AND NOT datname = ANY ($2::text[]) AND ${isPublic} ORDER BY 1`,
    [facts.databases, facts.closed],
  );
  return rows.flatMap(({ name, path, acl }) => {
    const named = parseAcl(acl).filter(({ grantee }) => grantee !== "");
    const given = new Set(facts.access && Object.hasOwn(facts.access, path) ? facts.access[path] : []);
    const without = facts.roles.filter((role) => {
      if (!facts.access && !roles.has(role)) return false;
      const rights = rightsOf(roles, role);
      return !holds(named, "CONNECT", rights) && ![...rights].some((one) => given.has(one));
    });
    if (without.length === 0) return [];
    return [
      {
        object: `database ${name}`,
        what: `PUBLIC may connect, so ${without.toSorted().join(", ")} may, without access there`,
        remedy: `app-roles:databases.${path}.revokeFromPublic: [CONNECT]; or leave it`,
      },
    ];
  });
}
