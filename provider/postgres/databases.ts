import type { Queryable } from "./connection.ts";

/** The server's databases, sorted, `with` or `without` templates. */
export async function databaseNames(db: Queryable, templates: "with" | "without" = "without"): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE $1 OR NOT datistemplate ORDER BY 1",
    [templates === "with"],
  );
  return rows.map(({ name }) => name);
}
