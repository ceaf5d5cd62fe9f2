import { yamlName, yamlSchema } from "../../model/object-name.ts";
import type { Queryable } from "../postgres/connection.ts";
import { isNamed, quoted, splitName } from "../postgres/names.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./facts.ts";
import { isSuperuser } from "./roles.ts";
import type { WarningKind } from "./warning.ts";

/** Tables in which migration tools record the migrations they have run, in lower case. */
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

/**
 * Ledgers whose tools run CREATE TABLE IF NOT EXISTS at each start, which needs CREATE on the schema even if the table exists
 * (PostgreSQL's RangeVarGetAndCheckCreationNamespace): drizzle, diesel, sqlx, refinery, dbmate, sequelize.
 */
const createdEachTime = [
  "__drizzle_migrations",
  "__diesel_schema_migrations",
  "_sqlx_migrations",
  "refinery_schema_history",
  "schema_migrations",
  "sequelizemeta",
];

export function isLedger(table: string): boolean {
  return ledgerNames.includes(table.toLowerCase());
}

/** Whether the tool of this ledger creates it again at each start, which needs CREATE on the schema. */
export function createsItsLedger(table: string): boolean {
  return createdEachTime.includes(table.toLowerCase());
}

/** Migration ledgers outside the schemas that the role that runs the migrations cannot write to. */
export const ledgers: WarningKind<OwnershipFacts> = {
  name: "migration ledgers that the owner cannot write to",
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
    const acls = await readSchemas(
      db,
      rows.map(({ schema }) => schema),
    );
    return rows.flatMap(({ owner, acl, ...table }) => {
      const isDeclared = facts.alsoOwn.some((name) => isNamed(name, { ...table, identity: table.key }));
      const isLegacy = isSuperuser(after.roles, owner) || facts.legacyUsers.includes(owner);
      const subject = { name: table.key, schema: table.schema, owner, acl };
      const schema = acls.find(({ name }) => name === table.schema);
      const missing = schema ? missingOn(schema, facts.owner, after) : [];
      if (!isDeclared && isLegacy && !after.may(facts.owner, "INSERT", subject)) {
        const alsoOwn = `app-roles:databases.${facts.database}.alsoOwn: [${yamlName(table.key)}]`;
        return [
          {
            object: table.key,
            what: `looks like a migration tool's ledger, stays with ${owner}, and ${facts.owner} cannot write to it: migrations fail at their start`,
            remedy: missing.length === 0 ? alsoOwn : `${alsoOwn}, and ${grantOnSchema(facts, table.schema, missing)}`,
          },
        ];
      }
      // Access to other roles' tables is for those roles to grant.
      if (!(isDeclared || isLegacy) || !createsItsLedger(table.name) || missing.length === 0) return [];
      return [
        {
          object: table.key,
          what: `a migration tool that starts with CREATE TABLE IF NOT EXISTS fails as ${facts.owner}, which has no ${missing.join(" and ")} on the schema ${quoted(table.schema)}, although the table exists`,
          remedy: grantOnSchema(facts, table.schema, missing),
        },
      ];
    });
  },
};

function missingOn(schema: SchemaAcl, role: string, after: AfterUp): string[] {
  const subject = { ...schema, kind: "schema" as const, schema: schema.name };
  return ["USAGE", "CREATE"].filter((privilege) => !after.may(role, privilege, subject));
}

function grantOnSchema({ owner, database }: OwnershipFacts, schema: string, privileges: string[]): string {
  return `app-roles:roles.${owner}.grants.${database}.schemas: {${yamlSchema(schema)}: [${privileges.join(", ")}]}`;
}

/** Schemas of `alsoOwn` objects on which the new owner has no USAGE. */
export const closedSchemas: WarningKind<OwnershipFacts> = {
  name: "schemas that the owner cannot use",
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
        remedy: grantOnSchema(facts, name, ["USAGE"]),
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
