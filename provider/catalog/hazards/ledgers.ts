import { yamlName } from "../../../model/object-name.ts";
import type { Queryable } from "../../connection.ts";
import { isNamed, splitName } from "../name.ts";
import { readAfterUp } from "./after-up.ts";
import type { HazardKind } from "./hazard.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { quoted } from "./quoted.ts";
import { isSuperuser } from "./roles.ts";

/** Tables in which migration tools keep what they have done, in lower case. */
const ledgerNames = [
  "__drizzle_migrations",
  "__diesel_schema_migrations",
  "__efmigrationshistory",
  "_prisma_migrations",
  "_sqlx_migrations",
  "_yoyo_log",
  "_yoyo_migration",
  "_yoyo_version",
  "alembic_version",
  "ar_internal_metadata",
  "databasechangelog",
  "databasechangeloglock",
  "django_migrations",
  "doctrine_migration_versions",
  "flyway_schema_history",
  "goose_db_version",
  "knex_migrations",
  "knex_migrations_lock",
  "kysely_migration",
  "kysely_migration_lock",
  "migrations",
  "mikro_orm_migrations",
  "pgmigrations",
  "refinery_schema_history",
  "schema_migrations",
  "schema_version",
  "schemaversions",
  "sequelizemeta",
  "typeorm_metadata",
];

export function isLedger(table: string): boolean {
  return ledgerNames.includes(table.toLowerCase());
}

/** Migration ledgers outside the schemas that the role which runs the migrations may not write. */
export const ledgers: HazardKind<OwnershipFacts> = {
  name: "migration ledgers that the owner may not write",
  async find(db, facts, reads) {
    const after = await readAfterUp(db, facts, reads);
    const { rows } = await db.query<{ key: string; schema: string; name: string; owner: string; acl: string[] }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS key, n.nspname AS schema, c.relname AS name,
              pg_get_userbyid(c.relowner) AS owner, coalesce(c.relacl, acldefault('r', c.relowner))::text[] AS acl
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = ANY ($1::text[]) AND NOT n.nspname = ANY ($2::text[])
       ORDER BY 1`,
      [ledgerNames, facts.schemas],
    );
    return rows.flatMap(({ owner, acl, ...table }) => {
      const isOurs = facts.alsoOwn.some((name) => isNamed(name, { ...table, identity: table.key }));
      const isLegacy = isSuperuser(after.roles, owner) || facts.legacyUsers.includes(owner);
      const subject = { name: table.key, schema: table.schema, owner, acl };
      if (isOurs || !isLegacy || after.may(facts.owner, "INSERT", subject)) return [];
      return [
        {
          object: table.key,
          what: `looks like a migration tool's ledger, stays with ${owner}, and ${facts.owner} may not write it: its migrators fail at their start`,
          remedy: `app-roles:databases.${facts.database}.alsoOwn: [${yamlName(table.key)}]`,
        },
      ];
    });
  },
};

/** Schemas of `alsoOwn` objects that their new owner may not even look into. */
export const closedSchemas: HazardKind<OwnershipFacts> = {
  name: "schemas that the owner may not use",
  async find(db, facts, reads) {
    const after = await readAfterUp(db, facts, reads);
    const acls = await readSchemas(
      db,
      facts.alsoOwn.map((name) => splitName(name)?.schema ?? name),
    );
    return acls
      .filter((schema) => !after.may(facts.owner, "USAGE", { ...schema, kind: "schema", schema: schema.name }))
      .map(({ name }) => ({
        object: facts.alsoOwn.filter((object) => splitName(object)?.schema === name).join(", "),
        what: `${facts.owner} will own it but has no USAGE on the schema ${name}`,
        remedy: `app-roles:roles.${facts.owner}.grants.${facts.database}.schemas: {${quoted(name)}: [USAGE]}`,
      }));
  },
};

interface SchemaAcl {
  name: string;
  owner: string;
  acl: string[];
}

/** Schemas with their privileges. */
export async function readSchemas(db: Queryable, schemas: string[]): Promise<SchemaAcl[]> {
  const { rows } = await db.query<SchemaAcl>(
    `SELECT nspname AS name, pg_get_userbyid(nspowner) AS owner, coalesce(nspacl, acldefault('n', nspowner))::text[] AS acl
     FROM pg_namespace WHERE nspname = ANY ($1::text[]) ORDER BY 1`,
    [schemas],
  );
  return rows;
}
