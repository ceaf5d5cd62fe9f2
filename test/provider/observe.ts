import type { Queryable } from "../../provider/postgres/connection.ts";

/** Owners, effective privileges (with grantors and columns) and default privileges of a database: the state that destroy must restore. */
export async function observe(db: Queryable): Promise<Record<string, string[]>> {
  const { rows } = await db.query<{ what: string; line: string }>(`
    WITH n AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
                 AND nspname !~ 'timescaledb')
    SELECT 'relation' AS what, format('%s.%s owner %s: %s', n.nspname, c.relname, pg_get_userbyid(c.relowner),
             (SELECT string_agg(e::text, ' ' ORDER BY e::text) FROM (
                SELECT pg_get_userbyid(a.grantor) AS by, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END AS who,
                       a.privilege_type, a.is_grantable
                FROM aclexplode(coalesce(c.relacl, acldefault((CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", c.relowner))) a) e)) AS line
    FROM pg_class c JOIN n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'column', format('%s.%s.%s: %s', n.nspname, c.relname, t.attname,
             (SELECT string_agg(e::text, ' ' ORDER BY e::text) FROM aclexplode(t.attacl) e))
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN n ON n.oid = c.relnamespace WHERE t.attacl IS NOT NULL
    UNION ALL
    SELECT 'routine', format('%s owner %s: %s', p.oid::regprocedure, pg_get_userbyid(p.proowner),
             (SELECT string_agg(e::text, ' ' ORDER BY e::text) FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) e))
    FROM pg_proc p JOIN n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'type', format('%s owner %s: %s', t.oid::regtype, pg_get_userbyid(t.typowner),
             (SELECT string_agg(e::text, ' ' ORDER BY e::text) FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) e))
    FROM pg_type t JOIN n ON n.oid = t.typnamespace
    UNION ALL
    SELECT i.type, format('%s owner %s', i.identity, pg_get_userbyid(o.owner))
    FROM (SELECT 'pg_collation'::regclass AS classid, oid, collnamespace AS namespace, collowner AS owner FROM pg_collation
          UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace, conowner FROM pg_conversion
          UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace, oprowner FROM pg_operator
          UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace, opcowner FROM pg_opclass
          UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace, opfowner FROM pg_opfamily
          UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace, cfgowner FROM pg_ts_config
          UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace, dictowner FROM pg_ts_dict
          UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace, stxowner FROM pg_statistic_ext) o
    JOIN n ON n.oid = o.namespace CROSS JOIN LATERAL pg_identify_object(o.classid, o.oid, 0) i
    UNION ALL
    SELECT 'schema', format('%s owner %s: %s', s.nspname, pg_get_userbyid(s.nspowner),
             (SELECT string_agg(e::text, ' ' ORDER BY e::text) FROM aclexplode(coalesce(s.nspacl, acldefault('n', s.nspowner))) e))
    FROM pg_namespace s JOIN n ON n.oid = s.oid
    UNION ALL
    SELECT 'database', format('%s owner %s: %s', d.datname, pg_get_userbyid(d.datdba),
             (SELECT string_agg(e::text, ' ' ORDER BY e::text) FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) e))
    FROM pg_database d WHERE d.datname = current_database()
    UNION ALL
    SELECT 'default privileges', format('%s in %s on %s: %s', pg_get_userbyid(d.defaclrole), coalesce(n.nspname, 'all'),
             d.defaclobjtype, (SELECT string_agg(e::text, ' ' ORDER BY e::text) FROM aclexplode(d.defaclacl) e))
    FROM pg_default_acl d LEFT JOIN n ON n.oid = d.defaclnamespace
    UNION ALL
    SELECT 'role', format('%s limit %s login %s super %s', r.rolname, r.rolconnlimit, r.rolcanlogin, r.rolsuper)
    FROM pg_roles r WHERE r.rolname !~ '^pg_'
    UNION ALL
    SELECT 'setting', format('%s in %s: %s', coalesce(r.rolname, 'all'), coalesce(d.datname, 'all'),
             ARRAY(SELECT entry FROM unnest(s.setconfig) entry ORDER BY entry))
    FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
    ORDER BY 1, 2`);
  const seen: Record<string, string[]> = {};
  for (const { what, line } of rows) seen[what] = [...(seen[what] ?? []), line];
  return seen;
}
