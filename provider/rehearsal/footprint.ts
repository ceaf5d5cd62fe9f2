import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";
import type { OwnedObject } from "../ownership/objects.ts";
import type { Queryable } from "../postgres/connection.ts";

/** Relations that an object's move locks: of a hypertable or continuous aggregate its chunks with theirs. */
export async function relationsOf(db: Queryable, object: OwnedObject): Promise<number> {
  // A routine, type or the like has no relations, and locks nothing that a query waits for.
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

// A continuous aggregate is a view over a hypertable of its own; what is compressed stands in a further one.
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

/** Indexes of the sample: enough to be told from the noise of one statement. */
const sampled = 50;

/**
 * Milliseconds that one relation takes in a change of owner on this server, measured on a temporary table that is rolled back.
 * For chunks it is a lower bound: TimescaleDB does more for each.
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
