import type { Queryable } from "../connection.ts";

/** All of the current database but Postgres's own, `with` or `without` those that extensions keep their own objects in. */
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

/** Why each of the schemas that is not there is refused, with the ones that are. `property` is its place among `schemas`. */
export async function missingSchemas(
  db: Queryable,
  database: string,
  schemas: string[],
): Promise<{ property: string; reason: string }[]> {
  const there = await schemaNames(db, "with");
  return schemas.flatMap((schema, index) =>
    there.includes(schema)
      ? []
      : [
          {
            property: `schemas[${index}]`,
            reason: `database ${database} has no schema ${schema}; it has ${there.join(", ")}`,
          },
        ],
  );
}
