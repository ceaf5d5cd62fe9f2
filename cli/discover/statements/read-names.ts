import type { Queryable } from "../../../provider/postgres/connection.ts";
import { readingAgain } from "../../../provider/postgres/gone.ts";
import { type Attached, type CatalogNames, NamesInDatabase, type Relation, type Routine } from "./names-in-database.ts";

/**
 * Reads what names in statements can stand for in the present database: relations, routines with their bodies, types, and what
 * comes into play with a relation (triggers, column defaults, views, policies). Reads the catalog only, and locks no object.
 */
export function readNames(db: Queryable): Promise<NamesInDatabase> {
  return readingAgain(async () => new NamesInDatabase(await readCatalog(db)));
}

async function readCatalog(db: Queryable): Promise<CatalogNames> {
  const all = async <T>(sql: string) => (await db.query<T>(sql)).rows;
  const [database] = await all<{ name: string; privileges: string[]; hasMaintain: boolean }>(
    `SELECT datname AS name, current_setting('server_version_num')::int >= 170000 AS "hasMaintain",
            ${toPublic("coalesce(datacl, acldefault('d', datdba))")} AS privileges
     FROM pg_database WHERE datname = current_database()`,
  );
  const schemas = await all<{ name: string; privileges: string[] }>(
    `SELECT nspname AS name, ${toPublic("coalesce(nspacl, acldefault('n', nspowner))")} AS privileges FROM pg_namespace`,
  );
  const relations = await all<Omit<Relation, "root"> & { root: string | null }>(relationsSql);
  const roots = rootsOf(await all(parentsSql));
  const routines = await all<Routine>(routinesSql);
  const builtIns = await all<{ name: string }>(
    `SELECT proname AS name FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace
     GROUP BY proname HAVING bool_and(${isOpen})`,
  );
  const settings = await all<{ name: string }>("SELECT name FROM pg_settings WHERE context = 'superuser'");
  return {
    database: database?.name ?? "",
    databasePrivileges: database?.privileges ?? [],
    hasMaintain: database?.hasMaintain ?? false,
    schemas: new Map(schemas.map(({ name, privileges }) => [name, privileges])),
    relations: relations.map((each) => ({ ...each, root: each.root ?? roots.get(each.id) })),
    routines: routines.map((each) => ({
      ...each,
      source: each.source ?? undefined,
      searchPath: each.searchPath ?? undefined,
    })),
    builtIns: new Set(builtIns.map(({ name }) => name)),
    types: await all(typesSql),
    attached: (await all<Attached & { columns: string[] | null }>(attachedSql)).map((each) => ({
      ...each,
      columns: each.columns ?? undefined,
    })),
    paths: await all(pathsSql),
    superuserSettings: new Set(settings.map(({ name }) => name)),
  };
}

/** The top of each chain of parents. */
function rootsOf(parents: { child: string; parent: string }[]): Map<string, string> {
  const parentOf = new Map(parents.map(({ child, parent }) => [child, parent]));
  const rootOf = (id: string): string => {
    const parent = parentOf.get(id);
    return parent === undefined ? id : rootOf(parent);
  };
  return new Map(parents.map(({ child }) => [child, rootOf(child)]));
}

/** The privileges of PUBLIC in an access control list. */
function toPublic(acl: string): string {
  return `ARRAY(SELECT a.privilege_type::text FROM aclexplode(${acl}) a WHERE a.grantee = 0 ORDER BY 1)`;
}

/** Whether every role may call the routine `p`; only lists that were changed are looked into. */
const isOpen = `(p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))`;

const isOfUsers = (namespace: string) =>
  `${namespace} NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^(pg_|_timescaledb_)' OR nspname = 'information_schema')`;

const isMember = (catalog: string, oid: string) =>
  `EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

// Chunks of TimescaleDB, of which there can be many thousands, are never named.
const relationsSql = `
  SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS name,
         CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                        WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END AS kind,
         i.indrelid::text AS root,
         r.rolsuper AS "isSuperusers",
         EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o
                 WHERE o.option_name = 'security_invoker' AND o.option_value::bool) AS "isInvoker",
         CASE WHEN c.relacl IS NULL THEN '{}' ELSE ${toPublic("c.relacl")} END AS "publicPrivileges"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I') AND c.relpersistence <> 't' AND n.nspname !~ '^(pg_toast|_timescaledb_internal$)'`;

const parentsSql = `
  SELECT inhrelid::text AS child, min(inhparent)::text AS parent FROM pg_inherits WHERE ${isOfUsers("(SELECT relnamespace FROM pg_class WHERE oid = inhrelid)")}
  GROUP BY 1`;

// Of the functions of Postgres only those that not every role may call. The arguments of a CALL include the OUT parameters.
const routinesSql = `
  SELECT p.oid::text AS id, n.nspname AS schema, p.proname AS name, replace(oidvectortypes(p.proargtypes), ', ', ',') AS "argumentTypes",
         p.pronargs - p.pronargdefaults AS fewest,
         CASE WHEN p.provariadic <> 0 THEN NULL
              WHEN p.prokind = 'p' THEN coalesce(cardinality(p.proallargtypes), p.pronargs) ELSE p.pronargs END AS most,
         l.lanname AS language, p.prosecdef AS "isDefiner", r.rolsuper AS "isSuperusers",
         (SELECT substr(s, strpos(s, '=') + 1) FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%') AS "searchPath",
         CASE WHEN member OR p.prokind = 'a' THEN NULL
              WHEN l.lanname = 'plpgsql' THEN pg_get_functiondef(p.oid)
              WHEN l.lanname = 'sql' THEN coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) END AS source,
         member AS "isOfExtension",
         CASE WHEN ${isOpen} THEN '{EXECUTE}'::text[] ELSE '{}' END AS "publicPrivileges"
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  JOIN pg_roles r ON r.oid = p.proowner
  CROSS JOIN LATERAL (SELECT ${isMember("pg_proc", "p.oid")} AS member) m
  WHERE ${isOfUsers("p.pronamespace")} OR p.pronamespace = 'pg_catalog'::regnamespace AND NOT ${isOpen}`;

const typesSql = `
  SELECT n.nspname AS schema, t.typname AS name, ${toPublic("coalesce(t.typacl, acldefault('T', t.typowner))")} AS "publicPrivileges"
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typisdefined AND ${isOfUsers("t.typnamespace")}
    AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND (SELECT relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c')`;

/** What an object of `catalog` refers to, besides the relation itself: routines of users, and relations. */
const references = (catalog: string, object: string, relation: string) => `
  JOIN pg_depend d ON d.classid = '${catalog}'::regclass AND d.objid = ${object}
    AND (d.refclassid = 'pg_proc'::regclass OR d.refclassid = 'pg_class'::regclass AND d.refobjid <> ${relation})`;
const reference = `CASE WHEN d.refclassid = 'pg_proc'::regclass THEN 'routine' ELSE 'relation' END AS kind, d.refobjid::text AS object`;

const attachedSql = `
  WITH users AS MATERIALIZED (SELECT oid FROM pg_class WHERE ${isOfUsers("relnamespace")})
  SELECT t.tgrelid::text AS relation,
         array_remove(ARRAY[CASE WHEN t.tgtype & 4 > 0 THEN 'INSERT' END, CASE WHEN t.tgtype & 8 > 0 THEN 'DELETE' END,
           CASE WHEN t.tgtype & 16 > 0 THEN 'UPDATE' END, CASE WHEN t.tgtype & 32 > 0 THEN 'TRUNCATE' END], NULL) AS events,
         'trigger' AS of, 'routine' AS kind, t.tgfoid::text AS object,
         CASE WHEN t.tgattr <> '' THEN ARRAY(SELECT a.attname::text FROM pg_attribute a
           WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[]) ORDER BY 1) END AS columns
  FROM pg_trigger t JOIN users u ON u.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
  UNION ALL
  SELECT DISTINCT f.adrelid::text, CASE WHEN a.attgenerated = '' THEN ARRAY['INSERT'] ELSE ARRAY['INSERT', 'UPDATE'] END,
         CASE WHEN a.attgenerated = '' THEN 'default' ELSE 'expression' END, ${reference},
         CASE WHEN a.attgenerated = '' THEN ARRAY[a.attname::text] END
  FROM pg_attrdef f JOIN users u ON u.oid = f.adrelid JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
  ${references("pg_attrdef", "f.oid", "f.adrelid")}
  UNION ALL
  SELECT d.refobjid::text, '{}', 'owned', 'relation', s.oid::text, ARRAY[a.attname::text]
  FROM pg_class s JOIN users u ON u.oid = s.oid
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass
    AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE s.relkind = 'S'
  UNION ALL
  SELECT DISTINCT c.conrelid::text, ARRAY['INSERT', 'UPDATE'], 'expression', ${reference}, NULL::text[]
  FROM pg_constraint c JOIN users u ON u.oid = c.conrelid ${references("pg_constraint", "c.oid", "c.conrelid")}
  WHERE c.contype = 'c'
  UNION ALL
  SELECT DISTINCT i.indrelid::text, ARRAY['INSERT', 'UPDATE'], 'expression', ${reference}, NULL::text[]
  FROM pg_index i JOIN users u ON u.oid = i.indrelid ${references("pg_class", "i.indexrelid", "i.indrelid")}
  WHERE d.refclassid = 'pg_proc'::regclass
  UNION ALL
  SELECT DISTINCT r.ev_class::text,
         CASE r.ev_type WHEN '1' THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] WHEN '2' THEN ARRAY['UPDATE']
                        WHEN '3' THEN ARRAY['INSERT'] ELSE ARRAY['DELETE'] END,
         CASE r.ev_type WHEN '1' THEN 'view' ELSE 'rule' END, ${reference}, NULL::text[]
  FROM pg_rewrite r JOIN users u ON u.oid = r.ev_class JOIN pg_class v ON v.oid = r.ev_class AND v.relkind <> 'm'
  ${references("pg_rewrite", "r.oid", "r.ev_class")}
  WHERE r.ev_enabled IN ('O', 'A')
  UNION ALL
  SELECT DISTINCT p.polrelid::text,
         CASE p.polcmd WHEN 'r' THEN ARRAY['SELECT'] WHEN 'a' THEN ARRAY['INSERT'] WHEN 'w' THEN ARRAY['UPDATE']
                       WHEN 'd' THEN ARRAY['DELETE'] ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END,
         'policy', ${reference}, NULL::text[]
  FROM pg_policy p JOIN users u ON u.oid = p.polrelid JOIN pg_class c ON c.oid = p.polrelid AND c.relrowsecurity
  ${references("pg_policy", "p.oid", "p.polrelid")}
  ORDER BY 1, 3, 4, 5`;

// The server's own value is seen only by a session to which no setting of its role or database applies.
const pathsSql = `
  SELECT coalesce(r.rolname, '') AS role, s.setdatabase <> 0 AS "isOfDatabase", substr(c, strpos(c, '=') + 1) AS value
  FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c LEFT JOIN pg_roles r ON r.oid = s.setrole
  WHERE c LIKE 'search_path=%' AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND (s.setrole = 0 OR r.rolname IS NOT NULL)
  UNION ALL
  SELECT '', false, reset_val FROM pg_settings WHERE name = 'search_path' AND source IN ('default', 'configuration file')
    AND NOT EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = 0 AND s.setdatabase = 0 AND s.setconfig::text LIKE '%search_path=%')`;
