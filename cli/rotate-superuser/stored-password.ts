import { escapeIdentifier, escapeLiteral } from "pg";
import type { Queryable } from "../../provider/postgres/connection.ts";

/** What the server keeps of the password of the session's user, and what stands in the way of another. */
export interface OwnPassword {
  /** The user that has logged in. */
  user: string;
  /** What pg_authid holds: a verifier, null for no password; undefined when this user may not read it. */
  stored: string | null | undefined;
  /** When the password ends, as Postgres writes it; undefined: never. */
  endsAt: string | undefined;
  hasEnded: boolean;
  /** A standby, or a server or user that is set to read only. */
  isReadOnly: boolean;
  isStandby: boolean;
  /** Of this start of this server and of no other. */
  identity: string;
}

export async function readOwnPassword(db: Queryable): Promise<OwnPassword> {
  const { rows } = await db.query<Omit<OwnPassword, "stored" | "endsAt"> & { endsAt: string | null; reads: boolean }>(
    `SELECT session_user AS user, nullif(rolvaliduntil, 'infinity')::text AS "endsAt",
            coalesce(rolvaliduntil <= now(), false) AS "hasEnded",
            current_setting('transaction_read_only')::boolean AS "isReadOnly", pg_is_in_recovery() AS "isStandby",
            pg_postmaster_start_time()::text AS identity,
            has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT') AS reads
     FROM pg_roles WHERE rolname = session_user`,
  );
  const [found] = rows;
  if (!found) throw new Error("the role of this session is not on the server any more");
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
 * Gives a role a password by its verifier, as pg_authid has it; null takes the password away. A verifier of md5 or of a
 * password that a person chose must stay out of the server's log: say `unlogged`, which only a superuser can have. In a
 * transaction only.
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
