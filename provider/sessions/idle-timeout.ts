import { milliseconds } from "../../model/duration.ts";
import type { Queryable } from "../postgres/connection.ts";

/**
 * Milliseconds after which the server ends an idle session of the role in the database; 0: never. As set for the role in the
 * database, else for the role, for the database, for all.
 */
export async function readIdleTimeout(db: Queryable, role: string, database: string): Promise<number> {
  const { rows } = await db.query<{ value: string }>(
    `SELECT coalesce(
       (SELECT split_part(entry, '=', 2)
        FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) entry
        WHERE s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
          AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = $2))
          AND split_part(entry, '=', 1) = 'idle_session_timeout'
        ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1),
       -- What this session had before it set its own.
       (SELECT reset_val FROM pg_settings WHERE name = 'idle_session_timeout')) AS value`,
    [role, database],
  );
  return milliseconds(rows[0]?.value ?? "0") ?? 0;
}
