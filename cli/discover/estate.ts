import { readOwnedObjects } from "../../provider/ownership/objects.ts";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { readingAgain } from "../../provider/postgres/gone.ts";
import { schemaNames } from "../../provider/postgres/schemas.ts";
import { createsItsLedger, isLedger } from "../../provider/warnings/ledgers.ts";

/** An object with an owner. */
export interface EstateObject {
  /** As the configuration names it: `reporting.v_trips`, `function app.f(integer)`. */
  key: string;
  schema: string;
  owner: string;
  isSuperusers: boolean;
}

/** A table in which a migration tool records what it has run. */
export interface Ledger {
  key: string;
  schema: string;
  owner: string;
  isSuperusers: boolean;
  /** Privileges on the schema that its owner needs and PUBLIC does not have. */
  schemaPrivileges: string[];
}

/** One database: its schemas and the owners of their objects. */
export interface DatabaseEstate {
  name: string;
  /** All schemas with objects, without those of Postgres and of extensions, sorted. */
  schemas: string[];
  objects: EstateObject[];
  ledgers: Ledger[];
}

/** Reads the present database. It needs no privilege on any object. */
export async function readEstate(db: Queryable, name: string): Promise<DatabaseEstate> {
  const named = await schemaNames(db, "without");
  const objects = await readingAgain(() => readOwnedObjects(db, named));
  const kept = objects.map(({ key, schema, owner, isSuperusers, name: plain, type }) => ({
    key,
    schema,
    owner,
    isSuperusers,
    isLedger: type === "table" && isLedger(plain),
    plain,
  }));
  const used = new Set(kept.map(({ schema }) => schema));
  const open = await publicPrivileges(db, named);
  return {
    name,
    schemas: named.filter((schema) => used.has(schema)),
    objects: kept.map(({ isLedger: _, plain: __, ...object }) => object),
    ledgers: kept
      .filter((object) => object.isLedger)
      .map(({ key, schema, owner, isSuperusers, plain }) => ({
        key,
        schema,
        owner,
        isSuperusers,
        schemaPrivileges: ["USAGE", ...(createsItsLedger(plain) ? ["CREATE"] : [])].filter(
          (privilege) => !open.get(schema)?.includes(privilege),
        ),
      })),
  };
}

/** The schemas that are managed: with objects of a superuser, besides a migration ledger. */
export function managedSchemas({ schemas, objects, ledgers }: DatabaseEstate): string[] {
  const isLedger = new Set(ledgers.map(({ key }) => key));
  const superusers = objects.filter(({ isSuperusers }) => isSuperusers);
  const holding = (of: typeof objects) => schemas.filter((schema) => of.some((object) => object.schema === schema));
  const own = holding(superusers.filter(({ key }) => !isLedger.has(key)));
  if (own.length > 0) return own;
  return superusers.length > 0 ? holding(superusers) : schemas;
}

/** Schema to the privileges that every role has on it. */
async function publicPrivileges(db: Queryable, schemas: string[]): Promise<Map<string, string[]>> {
  const { rows } = await db.query<{ schema: string; privileges: string[] }>(
    `SELECT n.nspname AS schema, array_agg(a.privilege_type ORDER BY a.privilege_type) AS privileges
     FROM pg_namespace n CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
     WHERE n.nspname = ANY ($1::text[]) AND a.grantee = 0 GROUP BY 1`,
    [schemas],
  );
  return new Map(rows.map(({ schema, privileges }) => [schema, privileges]));
}
