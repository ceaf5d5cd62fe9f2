import type { Queryable } from "../connection.ts";

/** Why each of the schemas that is not there is refused, with the ones that are. `property` is its place among `schemas`. */
export async function missingSchemas(
  db: Queryable,
  database: string,
  schemas: string[],
): Promise<{ property: string; reason: string }[]> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1",
  );
  const there = rows.map(({ name }) => name);
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
