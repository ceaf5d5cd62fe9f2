import type { Queryable } from "../postgres/connection.ts";
import { readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { quoted } from "./quoted.ts";
import { rightsOf } from "./roles.ts";
import type { WarningKind } from "./warning.ts";

/**
 * What migrations do that takes the owner of a schema or an extension, which the up does not change. One line for each such
 * owner, until no service is on `legacy`: by then the migrations have run as the new role.
 */
export const ownerLimits: WarningKind<OwnershipFacts> = {
  name: "what migrations do and the owner may not",
  async find(db, facts, reads) {
    if (facts.legacyUsers.length === 0) return [];
    const { roles } = await readAfterUp(db, facts, reads);
    const rights = rightsOf(roles, facts.owner);
    const others = (await readContainers(db, facts.schemas)).filter(({ owner }) => !rights.has(owner));
    return [...Map.groupBy(others, ({ owner }) => owner)].flatMap(([owner, containers]) => {
      const kinds = new Set(containers.map(({ kind }) => kind));
      const statements = [
        ...(kinds.has("schema") ? ["COMMENT ON SCHEMA", "ALTER SCHEMA"] : []),
        ...(kinds.has("extension")
          ? ["ALTER EXTENSION ... UPDATE", "CREATE EXTENSION of one that is not trusted"]
          : []),
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(owner)}`,
      ];
      return containers.map(({ kind, name }) => ({
        object: `${kind} ${name}`,
        what: `only ${owner}, or a superuser, may run ${statements.slice(0, -1).join(", ")} and ${statements.at(-1)}: in a migration that runs as ${facts.owner} they fail`,
        remedy: `let ${owner} run them${kinds.has("schema") ? `, or ALTER SCHEMA ... OWNER TO ${quoted(facts.owner)} by hand` : ""}; nothing if no migration has them`,
      }));
    });
  },
};

interface Container {
  kind: "schema" | "extension";
  name: string;
  owner: string;
}

/** plpgsql is everywhere and nobody updates it. */
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
