import type { Queryable } from "../connection.ts";

/** Those of `names` that are roles of the server. */
export async function existingRoles(db: Queryable, names: string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1::text[])",
    [names],
  );
  return new Set(rows.map(({ name }) => name));
}

export async function roleExists(db: Queryable, name: string): Promise<boolean> {
  return (await existingRoles(db, [name])).has(name);
}

/** Whether the session's user is a superuser. */
export async function isSuperuser(db: Queryable): Promise<boolean> {
  const { rows } = await db.query("SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper");
  return rows.length > 0;
}
