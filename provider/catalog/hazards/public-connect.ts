import type { HazardKind } from "./hazard.ts";
import type { ServerFacts } from "./server-facts.ts";

/**
 * Databases that nobody declared and that PUBLIC may connect to, so that every role may; the admin's own, where nobody
 * keeps anything, and templates are left out. It is only said: whoever needs CONNECT there must be granted it before it is
 * taken from PUBLIC, and who that is only people know.
 */
export const publicConnect: HazardKind<ServerFacts> = {
  name: "databases that everybody may connect to",
  async find(db, { databases, adminDatabase }) {
    if (databases.length === 0) return [];
    const { rows } = await db.query<{ name: string }>(
      `SELECT quote_ident(datname) AS name FROM pg_database
       WHERE datallowconn AND NOT datistemplate AND NOT datname = ANY ($1::text[])
         AND EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) e
                     WHERE e.grantee = 0 AND e.privilege_type = 'CONNECT')
       ORDER BY 1`,
      [[...databases, adminDatabase]],
    );
    return rows.map(({ name }) => ({
      object: `database ${name}`,
      what: "PUBLIC may connect, so every role of this stack may, though none is declared to",
      remedy: "GRANT CONNECT to those who use it, then REVOKE CONNECT ON DATABASE ... FROM PUBLIC; or leave it",
    }));
  },
};
