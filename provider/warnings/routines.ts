import type { Queryable } from "../postgres/connection.ts";

/** A function or procedure that somebody wrote. */
export interface WrittenRoutine {
  /** `function tickets.f(integer)`. */
  name: string;
  schema: string;
  owner: string;
  securityDefiner: boolean;
  acl: string[];
  /** Its text; of an SQL-standard body the functions it calls, as `f()`; empty for one in C. */
  body: string;
  /** Names of the settings in its SET clauses. */
  settings: string[];
  /** Schemas of the tables it is a trigger of. */
  triggerIn: string[];
}

/**
 * The routines of the current database; Postgres's own, those of extensions and aggregates are left out. An SQL-standard
 * body is kept as a parse tree; printing it as text (pg_get_function_sqlbody) would wait for locks on what it reads.
 */
export async function readRoutines(db: Queryable): Promise<WrittenRoutine[]> {
  const { rows } = await db.query<WrittenRoutine>(
    `SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END || p.oid::regprocedure::text AS name,
            n.nspname AS schema, pg_get_userbyid(p.proowner) AS owner, p.prosecdef AS "securityDefiner",
            coalesce(p.proacl, acldefault('f', p.proowner))::text[] AS acl,
            CASE WHEN l.lanname IN ('c', 'internal') THEN ''
                 WHEN p.prosqlbody IS NULL THEN p.prosrc
                 ELSE (SELECT coalesce(string_agg(DISTINCT f.proname || '()', ' '), '')
                       FROM regexp_matches(p.prosqlbody::text, ':funcid ([0-9]+)', 'g') m
                       JOIN pg_proc f ON f.oid = m[1]::oid) END AS body,
            coalesce((SELECT array_agg(split_part(s, '=', 1)) FROM unnest(p.proconfig) s), '{}') AS settings,
            coalesce((SELECT array_agg(DISTINCT tn.nspname::text) FROM pg_trigger t
                      JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace tn ON tn.oid = c.relnamespace
                      WHERE t.tgfoid = p.oid AND NOT t.tgisinternal), '{}') AS "triggerIn"
     FROM pg_proc p
     JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema')
     JOIN pg_language l ON l.oid = p.prolang
     WHERE p.prokind <> 'a'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
     ORDER BY 1`,
  );
  return rows;
}
