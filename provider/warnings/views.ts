import type { Queryable } from "../postgres/connection.ts";

/** A view, materialized view or continuous aggregate, and the relations and routines of its query. */
export interface View {
  /** For the inner views of a continuous aggregate, the name of the aggregate. */
  name: string;
  schema: string;
  owner: string;
  /** security_invoker: it reads with the privileges of its reader. */
  asReader: boolean;
  /** Its query runs at REFRESH, as the owner. */
  isStored: boolean;
  reads: Relation[];
  calls: Routine[];
}

/** A relation that a view reads; the internal hypertable of a continuous aggregate has the name of the aggregate. */
export interface Relation {
  name: string;
  schema: string;
  owner: string;
  acl: string[];
  /** The columns that are read, each with its explicit privileges. */
  columns: { name: string; acl: string[] }[];
}

/** A routine that a view calls. */
export interface Routine {
  /** `function tickets.f(integer)`. */
  name: string;
  schema: string;
  owner: string;
  securityDefiner: boolean;
  acl: string[];
}

type Edge = Omit<View, "reads" | "calls"> & { relation: Relation | null; routine: Routine | null };

/** The views of the current database, without those of Postgres and extensions. */
export async function readViews(db: Queryable): Promise<View[]> {
  const inside = await readAggregateParts(db);
  const { rows } = await db.query<Edge>(edgesSql);
  const views = new Map<string, View>();
  for (const { relation, routine, ...row } of rows) {
    const aggregate = inside.get(row.name);
    const view = views.get(row.name) ?? {
      ...row,
      ...(aggregate && { ...aggregate, isStored: true }),
      reads: [],
      calls: [],
    };
    views.set(row.name, view);
    if (relation) view.reads.push({ ...relation, ...inside.get(relation.name) });
    if (routine) view.calls.push(routine);
  }
  return [...views.values()].map((view) => ({ ...view, reads: view.reads.filter(({ name }) => name !== view.name) }));
}

/** Internal relations of continuous aggregates, which have the owner of the aggregate: inner name to the aggregate. */
async function readAggregateParts(db: Queryable): Promise<Map<string, { name: string; schema: string }>> {
  const { rows: found } = await db.query<{ found: boolean }>(
    "SELECT to_regclass('_timescaledb_catalog.continuous_agg') IS NOT NULL AS found",
  );
  if (!found[0]?.found) return new Map();
  const { rows } = await db.query<{ part: string; name: string; schema: string }>(
    `SELECT unnest(ARRAY[format('%I.%I', h.schema_name, h.table_name),
                         format('%I.%I', a.partial_view_schema, a.partial_view_name),
                         format('%I.%I', a.direct_view_schema, a.direct_view_name)]) AS part,
            format('%I.%I', a.user_view_schema, a.user_view_name) AS name, a.user_view_schema::text AS schema
     FROM _timescaledb_catalog.continuous_agg a
     JOIN _timescaledb_catalog.hypertable h ON h.id = a.mat_hypertable_id`,
  );
  return new Map(rows.map(({ part, name, schema }) => [part, { name, schema }]));
}

// Dependencies of the view's query (its SELECT rule); Postgres does not record its own objects.
const edgesSql = `
  WITH edge AS (
    SELECT r.ev_class AS view, d.refclassid, d.refobjid, array_agg(d.refobjsubid) AS columns
    FROM pg_depend d
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_type = '1'
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
      AND d.refobjid <> r.ev_class
    GROUP BY 1, 2, 3
  )
  SELECT format('%I.%I', n.nspname, v.relname) AS name, n.nspname AS schema, pg_get_userbyid(v.relowner) AS owner,
         EXISTS (SELECT FROM pg_options_to_table(v.reloptions) o
                 WHERE o.option_name = 'security_invoker' AND o.option_value::boolean) AS "asReader",
         v.relkind = 'm' AS "isStored",
         CASE WHEN t.oid IS NOT NULL THEN json_build_object(
           'name', format('%I.%I', tn.nspname, t.relname), 'schema', tn.nspname, 'owner', pg_get_userbyid(t.relowner),
           'acl', coalesce(t.relacl, acldefault('r', t.relowner))::text[],
           'columns', coalesce((SELECT json_agg(json_build_object('name', a.attname, 'acl', coalesce(a.attacl::text[], '{}')))
                                   FROM pg_attribute a
                                   WHERE a.attrelid = t.oid AND a.attnum > 0 AND a.attnum = ANY (e.columns)), '[]'))
         END AS relation,
         CASE WHEN p.oid IS NOT NULL THEN json_build_object(
           'name', CASE p.prokind WHEN 'a' THEN 'aggregate ' ELSE 'function ' END || p.oid::regprocedure::text,
           'schema', pn.nspname, 'owner', pg_get_userbyid(p.proowner), 'securityDefiner', p.prosecdef,
           'acl', coalesce(p.proacl, acldefault('f', p.proowner))::text[]) END AS routine
  FROM edge e
  JOIN pg_class v ON v.oid = e.view AND v.relkind IN ('v', 'm')
  JOIN pg_namespace n ON n.oid = v.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  LEFT JOIN pg_class t ON e.refclassid = 'pg_class'::regclass AND t.oid = e.refobjid AND t.relkind IN ('r', 'p', 'v', 'm', 'f')
  LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
  LEFT JOIN pg_proc p ON e.refclassid = 'pg_proc'::regclass AND p.oid = e.refobjid
  LEFT JOIN pg_namespace pn ON pn.oid = p.pronamespace
  WHERE (t.oid IS NOT NULL OR p.oid IS NOT NULL)
    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass AND x.objid = v.oid AND x.deptype = 'e')
  ORDER BY 1`;

/**
 * The relations that are read with the same privileges as the view itself (its owner's or its reader's): those it selects from,
 * and those behind security_invoker views among them.
 */
export function readAsView(view: View, all: Map<string, View[]>): Relation[] {
  const found: Relation[] = [];
  const seen = new Set([view.name]);
  const walk = (relations: Relation[]): void => {
    for (const relation of relations) {
      found.push(relation);
      if (seen.has(relation.name)) continue;
      seen.add(relation.name);
      for (const next of all.get(relation.name) ?? []) if (next.asReader) walk(next.reads);
    }
  };
  walk(view.reads);
  return found;
}

/** A continuous aggregate is several views of the same name. */
export function byName(views: View[]): Map<string, View[]> {
  const map = new Map<string, View[]>();
  for (const view of views) map.set(view.name, [...(map.get(view.name) ?? []), view]);
  return map;
}
