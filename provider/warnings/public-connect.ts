import { parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import type { ServerFacts } from "./facts.ts";
import { holds, type Roles, readRoles, rolesOf } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Databases that PUBLIC, and so every role, can connect to: undeclared ones (without templates and the admin's own database), and
 * declared ones that some of the stack's roles have no access to. CONNECT is not revoked by itself, because roles that need it
 * must be granted it first.
 */
export const publicConnect: WarningKind<ServerFacts> = {
  name: "databases that PUBLIC can connect to",
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
    what: "PUBLIC can connect, and so can every role of this stack, although none is declared there",
    remedy:
      "GRANT CONNECT to the roles that use it, then REVOKE CONNECT ON DATABASE ... FROM PUBLIC; or leave it as it is",
  }));
}

/** This up grants CONNECT by name to each role with access. */
async function declaredDatabases(db: Queryable, facts: ServerFacts, roles: Roles): Promise<Warning[]> {
  const { rows } = await db.query<{ name: string; path: string; acl: string[] }>(
    `SELECT quote_ident(datname) AS name, datname AS path, coalesce(datacl, acldefault('d', datdba))::text[] AS acl
     FROM pg_database WHERE datname = ANY ($1::text[]) AND NOT datname = ANY ($2::text[]) AND ${isPublic} ORDER BY 1`,
    [facts.databases, facts.closed],
  );
  return rows.flatMap(({ name, path, acl }) => {
    const named = parseAcl(acl).filter(({ grantee }) => grantee !== "");
    const granted = new Set(facts.access && Object.hasOwn(facts.access, path) ? facts.access[path] : []);
    const without = facts.roles.filter((role) => {
      if (!facts.access && !roles.has(role)) return false;
      const effective = rolesOf(roles, role);
      return !holds(named, "CONNECT", effective) && ![...effective].some((one) => granted.has(one));
    });
    if (without.length === 0) return [];
    return [
      {
        object: `database ${name}`,
        what: `PUBLIC can connect, and so can ${without.toSorted().join(", ")}, without access there`,
        remedy: `app-roles:databases.${path}.revokeFromPublic: [CONNECT]; or leave it as it is`,
      },
    ];
  });
}
