import type { Queryable } from "../postgres/connection.ts";

/** What can be selected from: all but sequences. */
export type RelationKind = "table" | "partitioned table" | "foreign table" | "view" | "materialized view";

export interface Relation {
  /** Quoted, with its schema: ready to stand in a statement. */
  identity: string;
  schema: string;
  kind: RelationKind;
  /** Any one column, quoted; null for a table without. */
  column: string | null;
  /** The SELECT that a materialized view or continuous aggregate is refreshed from; null for all others. */
  definition: string | null;
  /** The partitioned table at the top of its tree, which an ALTER takes along as a whole; of all others its own identity. */
  root: string;
}

/** The relations of `schemas` by identity; indexes, sequences and what belongs to an extension left out. */
export async function readRelations(db: Queryable, schemas: string[]): Promise<Map<string, Relation>> {
  const { rows: found } = await db.query<{ timescale: boolean }>(
    "SELECT to_regclass('timescaledb_information.continuous_aggregates') IS NOT NULL AS timescale",
  );
  const { rows } = await db.query<Relation>(relationsSql(found[0]?.timescale ?? false), [schemas]);
  return new Map(rows.map((row) => [row.identity, row]));
}

const relationsSql = (timescale: boolean) => `
  SELECT i.identity, n.nspname AS schema,
         CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table'
                        WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind,
         (SELECT quote_ident(attname) FROM pg_attribute
          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum LIMIT 1) AS column,
         ${timescale ? "coalesce(a.view_definition," : ""}
         CASE WHEN c.relkind = 'm' THEN pg_get_viewdef(c.oid) END${timescale ? ")" : ""} AS definition,
         CASE WHEN c.relispartition THEN (pg_identify_object('pg_class'::regclass, pg_partition_root(c.oid), 0)).identity
              ELSE i.identity END AS root
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1)
  CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
  ${
    timescale
      ? `LEFT JOIN timescaledb_information.continuous_aggregates a ON a.view_schema = n.nspname AND a.view_name = c.relname`
      : ""
  }
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
  ORDER BY 1`;
