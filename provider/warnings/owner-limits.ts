import type { Queryable } from "../postgres/connection.ts";
import { quoted } from "../postgres/names.ts";
import { readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./facts.ts";
import { rolesOf } from "./roles.ts";
import type { WarningKind } from "./warning.ts";

/**
 * Statements in migrations that only the owner of a schema or an extension can run; the up does not change these owners. One
 * warning for each such owner while a service is on `legacy`; after that, migrations have run as the new role.
 */
export const ownerLimits: WarningKind<OwnershipFacts> = {
  name: "statements in migrations that the owner cannot run",
  async find(db, facts, reads) {
    if (facts.legacyUsers.length === 0) return [];
    const { roles } = await readAfterUp(db, facts, reads);
    const effective = rolesOf(roles, facts.owner);
    const others = (await readContainers(db, facts.schemas)).filter(({ owner }) => !effective.has(owner));
    return [...Map.groupBy(others, ({ owner }) => owner)].flatMap(([owner, containers]) => {
      const kinds = new Set(containers.map(({ kind }) => kind));
      const statements = [
        ...(kinds.has("schema") ? ["COMMENT ON SCHEMA", "ALTER SCHEMA"] : []),
        ...(kinds.has("extension") ? ["ALTER EXTENSION ... UPDATE", "CREATE EXTENSION of an untrusted one"] : []),
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(owner)}`,
      ];
      return containers.map(({ kind, name }) => ({
        object: `${kind} ${name}`,
        what: `only ${owner} or a superuser can run ${statements.slice(0, -1).join(", ")} and ${statements.at(-1)}: they fail in a migration that runs as ${facts.owner}`,
        remedy: `run them as ${owner}${kinds.has("schema") ? `, or run ALTER SCHEMA ... OWNER TO ${quoted(facts.owner)} by hand` : ""}; do nothing if no migration uses them`,
      }));
    });
  },
};

interface Container {
  kind: "schema" | "extension";
  name: string;
  owner: string;
}

/** Without plpgsql, which is in every database and is never updated. */
async function readContainers(db: Queryable, schemas: string[]): Promise<Container[]> {
  const { rows } = await db.query<Container>(
    `SELECT 'schema' AS kind, quote_ident(nspname) AS name, pg_get_userbyid(nspowner) AS owner
     FROM pg_namespace WHERE nspname = ANY ($1::text[])
     UNION ALL
     SELECT 'extension', quote_ident(extname), pg_get_userbyid(extowner) FROM pg_extension WHERE extname <> 'plpgsql'
     ORDER BY 1 DESC, 2`,
    [schemas],
  );
  return rows;
}

const readable = ["table", "foreign table", "view", "materialized view"];

/** Relations in the schemas that stay with another role and that the owner cannot read. */
export const keptObjects: WarningKind<OwnershipFacts> = {
  name: "kept relations that the owner cannot read",
  async find(db, facts, reads) {
    const after = await readAfterUp(db, facts, reads);
    return facts.objects.flatMap(({ key, schema, type, owner, acl }) => {
      const keeper = after.ownerOf(key, owner);
      if (!readable.includes(type) || !facts.schemas.includes(schema) || keeper === facts.owner) return [];
      // Without any grant only the owner can read it.
      if (after.may(facts.owner, "SELECT", { name: key, schema, owner, acl: acl ?? [ownItem(owner)] })) return [];
      return [
        {
          object: key,
          what: `stays with ${keeper} (keepOwner), and ${facts.owner} cannot read it: a migration that selects from it, or creates an object on it, fails`,
          remedy: `app-roles:roles.${facts.owner}.grants.${facts.database}.tables: {${JSON.stringify(key)}: [SELECT]}; do nothing if no migration uses it`,
        },
      ];
    });
  },
};

/** As an aclitem. */
function ownItem(owner: string): string {
  const name = `"${owner.replaceAll('"', '""')}"`;
  return `${name}=r/${name}`;
}
