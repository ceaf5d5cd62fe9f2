import type { Snapshot } from "../baseline/contract.ts";
import type { Queryable } from "../postgres/connection.ts";
import { splitName } from "../postgres/names.ts";
import { readTimescale, type Timescale } from "../postgres/timescale.ts";

/** An object whose owner ALTER ... OWNER TO can change. */
export interface OwnedObject {
  /** As users and the plan name it: `tickets.t9` for a relation, others with the type: `function tickets.f(integer)`. */
  key: string;
  /** Type as in pg_identify_object: table, view, function, statistics object, ... */
  type: string;
  /** Name with schema and arguments, quoted by Postgres for use in a statement. */
  identity: string;
  schema: string;
  /** Kind and OID, which do not change when the object is renamed. */
  id?: string;
  /** Kind and OID of its schema. */
  schemaId?: string;
  /** Without schema, arguments and quotes. */
  name: string;
  owner: string;
  /** Whether its owner is a superuser. */
  isSuperusers: boolean;
  /** Explicit privileges (`aclitem`); null means the default privileges. */
  acl: string[] | null;
  /** Explicit privileges on columns, by column. */
  columnAcls: Record<string, string[]>;
  /** Serial and identity sequences of a table, which follow its owner but have their own privileges. */
  sequences: LinkedSequence[];
  /** Kind of a TimescaleDB relation; undefined for other objects. */
  timescale: "hypertable" | "continuous aggregate" | undefined;
  /** TimescaleDB jobs that run on the object (or run it, for a user-defined action), with their owners. */
  jobs: { id: number; owner: string }[];
  /**
   * 0 for an object that reads no other; a view or continuous aggregate is one above the highest relation it reads; a SECURITY
   * DEFINER routine, which can read any, is above all.
   */
  depth: number;
}

export interface LinkedSequence {
  /** `tickets.t9_id_seq`, quoted by Postgres. */
  identity: string;
  /** Kind and OID. */
  id?: string;
  acl: string[] | null;
}

interface Row {
  oid: string;
  classid: string;
  type: string;
  schema: string;
  schema_oid: string;
  name: string;
  identity: string;
  owner: string;
  superuser: boolean;
  security_definer: boolean;
  acl: string[] | null;
  column_acls: Record<string, string[]> | null;
}

/**
 * Every object in `schemas` that has an owner: tables (including partitioned tables and partitions), foreign tables, views,
 * materialized views, sequences, routines, types, collations, conversions, operators with their classes and families,
 * text search configurations and dictionaries, extended statistics. Objects that follow another object or belong to an
 * extension are left out: indexes, row and array types, linked and identity sequences, chunks, extension members.
 */
export async function readOwnedObjects(db: Queryable, schemas: string[]): Promise<OwnedObject[]> {
  const timescale = await readTimescale(db);
  const objects = await db.query<Row>(objectsSql, [schemas]);
  const edges = await db.query<Edge>(edgesSql, [schemas]);
  const sequences = await db.query<LinkedSequence & { relation: string }>(linkedSequencesSql, [schemas]);
  const linked = Map.groupBy(sequences.rows, ({ relation }) => relation);
  const depths = depthsOf([...edges.rows, ...timescale.stacked]);
  return objects.rows
    .filter((row) => !timescale.chunks.has(row.oid) || row.classid !== "pg_class")
    .map((row) => toObject(row, timescale, depths, linked));
}

function toObject(
  row: Row,
  timescale: Timescale,
  depths: Map<string, number>,
  linked: Map<string, LinkedSequence[]>,
): OwnedObject {
  const isRelation = row.classid === "pg_class";
  const isRoutine = row.classid === "pg_proc";
  return {
    key: isRelation ? row.identity : `${row.type} ${row.identity}`,
    type: row.type,
    identity: row.identity,
    schema: row.schema,
    id: `${row.classid}/${row.oid}`,
    schemaId: `pg_namespace/${row.schema_oid}`,
    name: row.name,
    owner: row.owner,
    isSuperusers: row.superuser,
    acl: row.acl,
    columnAcls: row.column_acls ?? {},
    sequences: isRelation
      ? (linked.get(row.oid) ?? []).map(({ identity, id, acl }) => ({ identity, ...(id !== undefined && { id }), acl }))
      : [],
    timescale: isRelation ? timescale.relations.get(row.oid) : undefined,
    jobs: isRelation
      ? (timescale.relationJobs.get(row.oid) ?? [])
      : isRoutine
        ? (timescale.routineJobs.get(row.oid) ?? [])
        : [],
    depth: isRelation ? (depths.get(row.oid) ?? 0) : row.security_definer ? 1 + Math.max(0, ...depths.values()) : 0,
  };
}

interface Edge {
  reader: string;
  read: string;
}

/** Longest path down from each view or table with rules; a cycle, which rules can create, ends where it closes. */
function depthsOf(edges: Edge[]): Map<string, number> {
  const reads = new Map<string, string[]>();
  for (const { reader, read } of edges) reads.set(reader, [...(reads.get(reader) ?? []), read]);
  const depths = new Map<string, number>();
  const visit = (oid: string, above: Set<string>): number => {
    const known = depths.get(oid);
    if (known !== undefined) return known;
    const below = (reads.get(oid) ?? []).filter((next) => !above.has(next));
    const depth = below.length === 0 ? 0 : 1 + Math.max(...below.map((next) => visit(next, new Set([...above, oid]))));
    depths.set(oid, depth);
    return depth;
  };
  for (const oid of reads.keys()) visit(oid, new Set([oid]));
  return depths;
}

const edgesSql = `
  SELECT DISTINCT r.ev_class::text AS reader, d.refobjid::text AS read
  FROM pg_depend d
  JOIN pg_rewrite r ON r.oid = d.objid
  JOIN pg_class v ON v.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = v.relnamespace AND n.nspname = ANY ($1)
  WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class`;

const linkedSequencesSql = `
  SELECT d.refobjid::text AS relation, format('%I.%I', sn.nspname, s.relname) AS identity, 'pg_class/' || s.oid AS id,
         s.relacl::text[] AS acl
  FROM pg_depend d
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_class t ON t.oid = d.refobjid
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = ANY ($1)
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid <> 0
    AND d.deptype IN ('a', 'i')
  ORDER BY 2`;

// An object with an internal dependency follows another object; 'e' marks members of an extension.
const objectsSql = `
  WITH free_multirange AS (
    SELECT rngmultitypid FROM pg_range
    WHERE current_setting('server_version_num')::int < 170000
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = rngtypid AND deptype = 'e')
  ),
  part AS (
    SELECT classid, objid FROM pg_depend
    WHERE (deptype IN ('i', 'e')
           OR deptype = 'a' AND classid = 'pg_class'::regclass AND refobjsubid <> 0
              AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S'))
      -- A partitioned table depends on its own key columns.
      AND NOT (refclassid = classid AND refobjid = objid)
      -- A range's multirange follows its owner from PostgreSQL 17 on.
      AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT rngmultitypid FROM free_multirange))
  ),
  columns AS (
    SELECT attrelid, jsonb_object_agg(attname, to_jsonb(attacl::text[])) AS acls
    FROM pg_attribute WHERE attacl IS NOT NULL AND NOT attisdropped GROUP BY attrelid
  ),
  owned AS (
    SELECT 'pg_class'::regclass AS classid, oid, relnamespace AS namespace, relname::text AS name, relowner AS owner, relacl AS acl
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'pg_proc'::regclass AS classid, oid, pronamespace AS namespace, proname::text AS name, proowner AS owner, proacl AS acl
    FROM pg_proc
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typnamespace, t.typname, t.typowner, t.typacl
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE c.oid IS NULL OR c.relkind = 'c'
    UNION ALL
    SELECT 'pg_collation'::regclass, oid, collnamespace, collname, collowner, NULL FROM pg_collation
    UNION ALL
    SELECT 'pg_conversion'::regclass, oid, connamespace, conname, conowner, NULL FROM pg_conversion
    UNION ALL
    SELECT 'pg_operator'::regclass, oid, oprnamespace, oprname, oprowner, NULL FROM pg_operator
    UNION ALL
    SELECT 'pg_opclass'::regclass, oid, opcnamespace, opcname, opcowner, NULL FROM pg_opclass
    UNION ALL
    SELECT 'pg_opfamily'::regclass, oid, opfnamespace, opfname, opfowner, NULL FROM pg_opfamily
    UNION ALL
    SELECT 'pg_ts_config'::regclass, oid, cfgnamespace, cfgname, cfgowner, NULL FROM pg_ts_config
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, oid, dictnamespace, dictname, dictowner, NULL FROM pg_ts_dict
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace, stxname, stxowner, NULL FROM pg_statistic_ext
  )
  SELECT o.oid::text AS oid, o.classid::regclass::text AS classid, i.type, n.nspname AS schema, n.oid::text AS schema_oid, o.name,
         CASE WHEN o.classid = 'pg_proc'::regclass THEN o.oid::regprocedure::text ELSE i.identity END AS identity,
         pg_get_userbyid(o.owner) AS owner, r.rolsuper AS superuser, coalesce(p.prosecdef, false) AS security_definer,
         o.acl::text[] AS acl,
         CASE WHEN o.classid = 'pg_class'::regclass THEN c.acls END AS column_acls
  FROM owned o
  JOIN pg_namespace n ON n.oid = o.namespace AND n.nspname = ANY ($1)
  JOIN pg_roles r ON r.oid = o.owner
  LEFT JOIN pg_proc p ON o.classid = 'pg_proc'::regclass AND p.oid = o.oid
  LEFT JOIN columns c ON c.attrelid = o.oid
  CROSS JOIN LATERAL pg_identify_object(o.classid, o.oid, 0) i
  -- An object that is dropped meanwhile has no name; a routine is printed as its OID.
  WHERE i.identity IS NOT NULL AND (o.classid <> 'pg_proc'::regclass OR o.oid::regprocedure::text LIKE '%(%')
    AND NOT EXISTS (SELECT FROM part p WHERE p.classid = o.classid AND p.objid = o.oid)
  ORDER BY i.type, i.identity`;

/** Finds the names in the baseline of objects that were renamed or moved to another schema. */
export class PreviousNames {
  readonly #recorded: Pick<Snapshot, "owners" | "ids">;
  readonly #names: Map<string, string>;

  constructor(recorded: Pick<Snapshot, "owners" | "ids">) {
    this.#recorded = recorded;
    this.#names = new Map(Object.entries(recorded.ids ?? {}).map(([name, id]) => [id, name]));
  }

  /**
   * The object's key in the baseline; undefined if it is not recorded. After a dump and restore an OID can belong to another
   * object, so part of the name must match, too: the name itself, or the schema, which must be the recorded one.
   */
  of(object: OwnedObject): string | undefined {
    if (Object.hasOwn(this.#recorded.owners, object.key)) return object.key;
    const name = object.id === undefined ? undefined : this.#names.get(object.id);
    if (name === undefined || !Object.hasOwn(this.#recorded.owners, name)) return undefined;
    const was = splitName(name.startsWith(`${object.type} `) ? name.slice(object.type.length + 1) : name);
    const is = splitName(object.identity);
    const isInSameSchema =
      was?.schema === object.schema && this.#recorded.ids?.[`schema ${schemaOf(object)}`] === object.schemaId;
    return was !== undefined && (was.object === is?.object || isInSameSchema) ? name : undefined;
  }

  /** The key in the baseline of a sequence that follows a table. */
  ofSequence({ identity, id }: OwnedObject["sequences"][number]): string {
    if (this.#recorded.ids?.[identity] !== undefined || id === undefined) return identity;
    return this.#names.get(id) ?? identity;
  }
}

/** As Postgres quotes it. */
function schemaOf({ identity, schema }: OwnedObject): string {
  return identity.startsWith('"') ? `"${schema.replaceAll('"', '""')}"` : schema;
}
