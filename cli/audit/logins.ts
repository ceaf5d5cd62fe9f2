import type { Queryable } from "../../provider/postgres/connection.ts";

/** A role that can log in. */
export interface Login {
  role: string;
  /** SUPERUSER, CREATEROLE, CREATEDB, REPLICATION and BYPASSRLS, as far as it has them. */
  attributes: string[];
  /** Live CONNECTION LIMIT; -1: unlimited. */
  limit: number;
  /** VALID UNTIL; null: never expires. */
  validUntil: Date | null;
}

export async function readLogins(db: Queryable): Promise<Login[]> {
  const { rows } = await db.query<Login>(
    `SELECT rolname AS role, rolconnlimit AS limit,
            CASE WHEN isfinite(rolvaliduntil) THEN rolvaliduntil END AS "validUntil",
            array_remove(ARRAY[CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
              CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
              CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL) AS attributes
     FROM pg_roles WHERE rolcanlogin ORDER BY rolname`,
  );
  return rows;
}
