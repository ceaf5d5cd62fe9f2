import type { Queryable } from "../postgres/connection.ts";
import { readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./facts.ts";
import { isSuperuser, rolesOf } from "./roles.ts";
import type { WarningKind } from "./warning.ts";

/** A function or procedure that a user wrote. */
export interface WrittenRoutine {
  /** `function tickets.f(integer)`. */
  name: string;
  schema: string;
  owner: string;
  securityDefiner: boolean;
  acl: string[];
  /** Source text; for an SQL-standard body the functions it calls, as `f()`; empty for C. */
  body: string;
  /** Settings named in its SET clauses. */
  settings: string[];
  /** Schemas of the tables that it is a trigger on. */
  triggerIn: string[];
}

/**
 * The routines of the current database, without aggregates and those of Postgres and extensions. An SQL-standard body is read
 * from its parse tree: printing it (pg_get_function_sqlbody) would wait for locks on the relations that it reads.
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

/** SECURITY DEFINER routines that ran as a superuser, or another role, before the stack came, and then run as the new owner. */
export const definerRoutines: WarningKind<OwnershipFacts> = {
  name: "SECURITY DEFINER routines that lose their owner's privileges",
  async find(db, facts, reads) {
    const after = await readAfterUp(db, facts, reads);
    return (await reads.once(db, readRoutines)).flatMap(({ name, owner, securityDefiner }) => {
      const [previous, next] = [after.previousOwnerOf(name, owner), after.ownerOf(name, owner)];
      const wasSuperuser = isSuperuser(after.roles, previous);
      // A member of a superuser inherits its grants, not the SUPERUSER attribute.
      const keepsPrivileges = next === previous || (!wasSuperuser && rolesOf(after.roles, next).has(previous));
      if (!securityDefiner || keepsPrivileges || isSuperuser(after.roles, next)) return [];
      return [
        {
          object: name,
          what: `SECURITY DEFINER: with ${next} as its owner it runs with the privileges of ${next} only, no longer with those of ${wasSuperuser ? `the superuser ${previous}` : previous}`,
          remedy: `check that ${next} may do everything it does, or keep ${previous} as its owner (keepOwner)`,
        },
      ];
    });
  },
};
