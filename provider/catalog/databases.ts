import type { Queryable } from "../connection.ts";

/** The server's databases but templates, sorted. */
export async function databaseNames(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE NOT datistemplate ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}
