import type { Queryable } from "./connection.ts";

/** Schemas of the current database, except those of Postgres, `with` or `without` those that belong to extensions. */
export async function schemaNames(db: Queryable, ofExtensions: "with" | "without"): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace n
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
       AND ($1 OR NOT EXISTS (SELECT FROM pg_depend
                              WHERE classid = 'pg_namespace'::regclass AND objid = n.oid AND deptype = 'e'))
     ORDER BY 1`,
    [ofExtensions === "with"],
  );
  return rows.map(({ name }) => name);
}

/** Schemas of the current database in which the role owns an object. */
export async function schemasOwnedIn(db: Queryable, role: string): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT DISTINCT i.schema AS name
     FROM pg_shdepend s
     JOIN pg_roles r ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND r.rolname = $1
     CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) i
     WHERE s.deptype = 'o' AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND i.schema IS NOT NULL`,
    [role],
  );
  return rows.map(({ name }) => name);
}

/** The failure for each schema that does not exist, with the existing ones. */
export async function missingSchemas(
  db: Queryable,
  database: string,
  schemas: string[],
): Promise<{ property: string; reason: string }[]> {
  const existing = await schemaNames(db, "with");
  return schemas.flatMap((schema, index) =>
    existing.includes(schema)
      ? []
      : [
          {
            property: `schemas[${index}]`,
            reason: `database ${database} has no schema ${schema}; it has ${existing.join(", ")}`,
          },
        ],
  );
}
