import { escapeIdentifier, escapeLiteral } from "pg";
import type { Queryable } from "./connection.ts";

export interface Job {
  id: number;
  owner: string;
}

/** TimescaleDB's (2.14 or later) relations and jobs, by OID of the relation or routine; empty without the extension. */
export interface Timescale {
  relations: Map<string, "hypertable" | "continuous aggregate">;
  /** Tables with a part of a hypertable: they follow its owner. */
  chunks: Set<string>;
  /** Continuous aggregates on other ones, which a refresh reads even if the view does not. */
  stacked: { reader: string; read: string }[];
  relationJobs: Map<string, Job[]>;
  /** Jobs that belong to no relation (user-defined actions), by the routine that they run. */
  routineJobs: Map<string, Job[]>;
}

export interface Installation {
  /** Schema of its functions: the one that the extension was created in. */
  schema: string;
  /** Its table of jobs, which has moved between versions. */
  jobs: string;
}

/** Undefined if the extension is not installed in this database. */
export async function findTimescale(db: Queryable): Promise<Installation | undefined> {
  const { rows } = await db.query<Installation>(
    `SELECT quote_ident(n.nspname) AS schema,
            (SELECT c.oid::regclass::text FROM pg_class c JOIN pg_depend d ON d.objid = c.oid
             WHERE d.refobjid = e.oid AND d.deptype = 'e' AND c.relname = 'bgw_job' AND c.relkind = 'r') AS jobs
     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'`,
  );
  return rows[0];
}

export async function readTimescale(db: Queryable): Promise<Timescale> {
  const found: Timescale = {
    relations: new Map(),
    chunks: new Set(),
    stacked: [],
    relationJobs: new Map(),
    routineJobs: new Map(),
  };
  if (!(await findTimescale(db))) return found;
  const relations = await db.query<{ oid: string; kind: "hypertable" | "continuous aggregate" | "chunk" }>(
    relationsSql,
  );
  for (const { oid, kind } of relations.rows) {
    if (kind === "chunk") found.chunks.add(oid);
    else found.relations.set(oid, kind);
  }
  found.stacked = (await db.query<{ reader: string; read: string }>(stackedSql)).rows;
  const jobs = await db.query<{ id: number; owner: string; relation: string | null; routine: string | null }>(jobsSql);
  for (const { id, owner, relation, routine } of jobs.rows) {
    if (relation) add(found.relationJobs, relation, { id, owner });
    else if (routine) add(found.routineJobs, routine, { id, owner });
  }
  return found;
}

function add(jobs: Map<string, Job[]>, oid: string, job: Job): void {
  jobs.set(oid, [...(jobs.get(oid) ?? []), job]);
}

// TimescaleDB documents its information views, not its tables, and keeps them stable.
const relationsSql = `
  SELECT c.oid::text AS oid, t.kind
  FROM (
    SELECT hypertable_schema AS schema, hypertable_name AS name, 'hypertable' AS kind
    FROM timescaledb_information.hypertables
    UNION ALL
    SELECT view_schema, view_name, 'continuous aggregate' FROM timescaledb_information.continuous_aggregates
    UNION ALL
    SELECT chunk_schema, chunk_name, 'chunk' FROM timescaledb_information.chunks
  ) t
  JOIN pg_namespace n ON n.nspname = t.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name`;

// The hypertable of an aggregate on another one is the other one's materialization.
const stackedSql = `
  SELECT upper.oid::text AS reader, lower.oid::text AS read
  FROM timescaledb_information.continuous_aggregates u
  JOIN timescaledb_information.continuous_aggregates l
    ON l.materialization_hypertable_schema = u.hypertable_schema AND l.materialization_hypertable_name = u.hypertable_name
  JOIN pg_class upper ON upper.relname = u.view_name
  JOIN pg_namespace un ON un.oid = upper.relnamespace AND un.nspname = u.view_schema
  JOIN pg_class lower ON lower.relname = l.view_name
  JOIN pg_namespace ln ON ln.oid = lower.relnamespace AND ln.nspname = l.view_schema`;

const jobsSql = `
  SELECT j.job_id AS id, j.owner::text AS owner, c.oid::text AS relation, p.oid::text AS routine
  FROM timescaledb_information.jobs j
  LEFT JOIN pg_namespace n ON n.nspname = j.hypertable_schema
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = j.hypertable_name
  LEFT JOIN LATERAL (
    SELECT p.oid FROM pg_proc p JOIN pg_namespace pn ON pn.oid = p.pronamespace
    WHERE pn.nspname = j.proc_schema AND p.proname = j.proc_name LIMIT 1
  ) p ON true
  ORDER BY j.job_id`;

/**
 * Statements that change the owner of jobs and make the scheduler notice: after the update alone it keeps running a job as the
 * previous owner until the job is altered (timescaledb #9289).
 */
export function jobOwnerStatements(installation: Installation, ids: number[], owner: string): string[] {
  const list = ids.map(Number).join(", ");
  const role = escapeLiteral(escapeIdentifier(owner));
  return [
    `UPDATE ${installation.jobs} SET owner = ${role}::regrole WHERE id IN (${list})`,
    `SELECT ${installation.schema}.alter_job(id, scheduled => scheduled) FROM ${installation.jobs} WHERE id IN (${list})`,
  ];
}
