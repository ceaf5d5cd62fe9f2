import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";
import type { OwnedObject } from "../ownership/objects.ts";
import type { Queryable } from "../postgres/connection.ts";

/** Relations except sequences and indexes. */
export type RelationKind = "table" | "partitioned table" | "foreign table" | "view" | "materialized view";

export interface Relation {
  /** Name with schema, quoted for use in a statement. */
  identity: string;
  schema: string;
  kind: RelationKind;
  /** The first column, quoted; null for a table without columns. */
  column: string | null;
  /** The query of a materialized view or continuous aggregate; null for others. */
  definition: string | null;
  /** The root of its tree of partitions, which ALTER TABLE recurses through; for others their own identity. */
  root: string;
}

/** The relations of `schemas` by identity, without members of extensions. */
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

/** Number of relations that an object's move locks, including the chunks of a hypertable or continuous aggregate. */
export async function relationsOf(db: Queryable, object: OwnedObject): Promise<number> {
  // A routine or type has no relations, and its move takes no lock that a query waits for.
  if (object.key !== object.identity) return 1;
  const { rows } = await db.query<{ relations: number }>(object.timescale ? chunksSql : plainSql, [object.identity]);
  return rows[0]?.relations ?? 0;
}

const counted = `
  SELECT count(*)::int AS relations FROM (
    SELECT oid FROM tree
    UNION SELECT i.indexrelid FROM tree JOIN pg_index i ON i.indrelid = tree.oid
    UNION SELECT c.reltoastrelid FROM tree JOIN pg_class c ON c.oid = tree.oid AND c.reltoastrelid <> 0
    UNION SELECT i.indexrelid FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_index i ON i.indrelid = c.reltoastrelid
  ) relation`;

const plainSql = `WITH tree AS (SELECT to_regclass($1)::oid AS oid) ${counted}`;

// A continuous aggregate is a view on an internal hypertable; compressed data is in a further hypertable.
const chunksSql = `
  WITH RECURSIVE top AS (
    SELECT to_regclass($1)::oid AS oid
    UNION SELECT to_regclass(format('%I.%I', h.schema_name, h.table_name))::oid
    FROM _timescaledb_catalog.continuous_agg a JOIN _timescaledb_catalog.hypertable h ON h.id = a.mat_hypertable_id
    WHERE to_regclass(format('%I.%I', a.user_view_schema, a.user_view_name)) = to_regclass($1)
  ),
  tree AS (
    SELECT oid FROM top
    UNION SELECT to_regclass(format('%I.%I', c.schema_name, c.table_name))::oid
    FROM top JOIN _timescaledb_catalog.hypertable h ON to_regclass(format('%I.%I', h.schema_name, h.table_name)) = top.oid
    JOIN _timescaledb_catalog.hypertable c ON c.id = h.compressed_hypertable_id
    UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
  ) ${counted}`;

/** Indexes of the sample: enough to stand out from the noise of one statement. */
const sampled = 50;

/**
 * Milliseconds that a change of owner takes for each relation on this server, measured on a temporary table in a transaction that
 * is rolled back. A lower bound for chunks, because TimescaleDB does more for each.
 */
export async function relationCost(db: Queryable): Promise<number> {
  const indexes = Array.from({ length: sampled }, () => "CREATE INDEX ON pg_temp.app_roles_sample (id)").join("; ");
  const role = escapeIdentifier(`app_roles_sample_${randomBytes(6).toString("hex")}`);
  await db.query("BEGIN");
  try {
    await db.query(`CREATE ROLE ${role} NOLOGIN; CREATE TEMPORARY TABLE app_roles_sample (id integer); ${indexes}`);
    await db.query("SAVEPOINT sample");
    const started = performance.now();
    await db.query(`ALTER TABLE pg_temp.app_roles_sample OWNER TO ${role}`);
    await db.query("ROLLBACK TO SAVEPOINT sample");
    return (performance.now() - started) / (sampled + 1);
  } finally {
    await db.query("ROLLBACK");
  }
}
