import type { Queryable } from "../../provider/postgres/connection.ts";
import { readingAgain } from "../../provider/postgres/gone.ts";

/** What the statistics and the catalog of a database show at one moment. */
export interface ActivitySnapshot {
  /** Rows that were written since the statistics were reset, by table (`schema.table`, quoted by Postgres). */
  writes: Map<string, { schema: string; rows: number }>;
  /** Objects by OID with the transaction that wrote their catalog row. */
  objects: Map<string, CatalogObject>;
}

interface CatalogObject {
  name: string;
  schema: string;
  owner: string;
  xmin: string;
  /** Of a relation: its file, and the transaction that last wrote the row of one of its columns. */
  file: string | null;
  columns: string | null;
}

/** Changes between two snapshots. */
export interface Activity {
  /** Rows written, by schema; without schemas that none was written in. */
  writes: { schema: string; rows: number; tables: string[] }[];
  /** Objects that were created, altered or given another owner meanwhile: DDL. */
  changed: { name: string; schema: string; what: "created" | "altered" | "given another owner" | "dropped" }[];
}

export async function readActivity(db: Queryable): Promise<ActivitySnapshot> {
  const writes = await db.query<{ name: string; schema: string; rows: string }>(
    `SELECT format('%I.%I', schemaname, relname) AS name, schemaname AS schema, n_tup_ins + n_tup_upd + n_tup_del AS rows
     FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0`,
  );
  const objects = await readingAgain(() => db.query<CatalogObject & { oid: string }>(objectsSql));
  return {
    writes: new Map(writes.rows.map(({ name, schema, rows }) => [name, { schema, rows: Number(rows) }])),
    objects: new Map(objects.rows.map(({ oid, ...object }) => [oid, object])),
  };
}

/** Statistics that were reset meanwhile count from their reset. */
export function activityBetween(before: ActivitySnapshot, after: ActivitySnapshot): Activity {
  const written = [...after.writes].flatMap(([table, { schema, rows }]) => {
    const earlier = before.writes.get(table)?.rows ?? 0;
    const more = rows < earlier ? rows : rows - earlier;
    return more > 0 ? [{ table, schema, rows: more }] : [];
  });
  const bySchema = Map.groupBy(written, ({ schema }) => schema);
  const changed = [...after.objects].flatMap(([oid, object]): Activity["changed"] => {
    const { name, schema, owner } = object;
    const earlier = before.objects.get(oid);
    if (!earlier) return [{ name, schema, what: "created" }];
    if (earlier.owner !== owner) return [{ name, schema, what: "given another owner" }];
    return isAltered(earlier, object) ? [{ name, schema, what: "altered" }] : [];
  });
  const dropped = [...before.objects]
    .filter(([oid]) => !after.objects.has(oid))
    .map(([, { name, schema }]) => ({ name, schema, what: "dropped" as const }));
  return {
    writes: [...bySchema]
      .map(([schema, tables]) => ({
        schema,
        rows: tables.reduce((sum, { rows }) => sum + rows, 0),
        tables: tables.map(({ table }) => table).toSorted(),
      }))
      .toSorted((a, b) => (a.schema < b.schema ? -1 : 1)),
    changed: [...changed, ...dropped].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** TRUNCATE, CLUSTER and VACUUM FULL give a table and its indexes new files, which is no DDL; an ALTER that does writes columns too. */
function isAltered(before: CatalogObject, after: CatalogObject): boolean {
  return before.xmin !== after.xmin && (before.file === after.file || before.columns !== after.columns);
}

// Statistics and maintenance change these rows in place, which keeps xmin. REFRESH gives a materialized view a new file and writes
// its row, so these are left out. Chunks, partitions of extensions and temporary objects are not DDL of a service.
const objectsSql = `
  SELECT 'pg_class/' || c.oid AS oid, format('%I.%I', n.nspname, c.relname) AS name, n.nspname AS schema,
         pg_get_userbyid(c.relowner) AS owner, c.xmin::text AS xmin, c.relfilenode::text AS file,
         (SELECT max(a.xmin::text::bigint)::text FROM pg_attribute a WHERE a.attrelid = c.oid) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'f', 'i', 'I', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^(pg_|_timescaledb)'
    AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 'pg_proc/' || p.oid, p.oid::regprocedure::text, n.nspname, pg_get_userbyid(p.proowner), p.xmin::text, NULL, NULL
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname !~ '^(pg_|_timescaledb)' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 'pg_namespace/' || n.oid, format('schema %I', n.nspname), n.nspname, pg_get_userbyid(n.nspowner), n.xmin::text, NULL, NULL
  FROM pg_namespace n WHERE n.nspname !~ '^(pg_|_timescaledb)' AND n.nspname <> 'information_schema'`;
