import { escapeIdentifier, escapeLiteral } from "pg";
import type { Queryable } from "../../provider/postgres/connection.ts";

/** The stored password of the session's user, and properties that prevent a change. */
export interface OwnPassword {
  /** The user that has logged in. */
  user: string;
  /** The verifier in pg_authid, null for no password; undefined if this user cannot read it. */
  stored: string | null | undefined;
  /** When the password expires, as Postgres prints it; undefined for never. */
  endsAt: string | undefined;
  hasExpired: boolean;
  /** The server is a standby, or the server or user is set to read-only. */
  isReadOnly: boolean;
  isStandby: boolean;
  /** Identifies the current start of this server. */
  identity: string;
}

export async function readOwnPassword(db: Queryable): Promise<OwnPassword> {
  const { rows } = await db.query<Omit<OwnPassword, "stored" | "endsAt"> & { endsAt: string | null; reads: boolean }>(
    `SELECT session_user AS user, nullif(rolvaliduntil, 'infinity')::text AS "endsAt",
            coalesce(rolvaliduntil <= now(), false) AS "hasExpired",
            current_setting('transaction_read_only')::boolean AS "isReadOnly", pg_is_in_recovery() AS "isStandby",
            pg_postmaster_start_time()::text AS identity,
            has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT') AS reads
     FROM pg_roles WHERE rolname = session_user`,
  );
  const [found] = rows;
  if (!found) throw new Error("the role of this session no longer exists");
  const { reads, endsAt, ...rest } = found;
  const stored = reads ? await readStored(db) : undefined;
  return { ...rest, endsAt: endsAt ?? undefined, stored };
}

async function readStored(db: Queryable): Promise<string | null> {
  const { rows } = await db.query<{ stored: string | null }>(
    "SELECT rolpassword AS stored FROM pg_authid WHERE rolname = session_user",
  );
  return rows[0]?.stored ?? null;
}

/**
 * Sets a role's password by its verifier; null removes the password. Call it in a transaction. A verifier of md5 or of a
 * password that a person chose must stay out of the server's log: pass `unlogged`, which only works for a superuser.
 */
export async function setStoredPassword(
  db: Queryable,
  role: string,
  stored: string | null,
  log?: "unlogged",
): Promise<void> {
  if (log) {
    await db.query(
      `SELECT set_config('log_statement', 'none', true), set_config('log_min_duration_statement', '-1', true),
              set_config('log_min_error_statement', 'panic', true)
       FROM pg_roles WHERE rolname = current_user AND rolsuper`,
    );
  }
  const password = stored === null ? "NULL" : escapeLiteral(stored);
  await db.query(`ALTER ROLE ${escapeIdentifier(role)} PASSWORD ${password}`);
}
