import type { Queryable } from "./connection.ts";

/** A partition or inheritance child, with one of its direct or indirect parents. */
export interface Heir {
  /** `app.ev`. */
  parent: string;
  parentSchema: string;
  parentOwner: string;
  isPartition: boolean;
  name: string;
  schema: string;
  owner: string;
}

/** All partitions and children of the tables in these schemas, on every level, without the chunks of TimescaleDB. */
export async function readHeirs(db: Queryable, schemas: string[]): Promise<Heir[]> {
  const { rows } = await db.query<Heir>(heirsSql, [schemas]);
  return rows;
}

const heirsSql = `
  WITH RECURSIVE line AS (
    SELECT i.inhparent AS top, i.inhrelid AS heir
    FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhparent AND p.relkind IN ('r', 'p', 'f')
    JOIN pg_namespace n ON n.oid = p.relnamespace AND n.nspname = ANY ($1::text[])
    UNION
    SELECT line.top, i.inhrelid FROM line JOIN pg_inherits i ON i.inhparent = line.heir
  )
  SELECT format('%I.%I', pn.nspname, p.relname) AS parent, pn.nspname AS "parentSchema",
         pg_get_userbyid(p.relowner) AS "parentOwner", c.relispartition AS "isPartition",
         format('%I.%I', n.nspname, c.relname) AS name, n.nspname AS schema, pg_get_userbyid(c.relowner) AS owner
  FROM line
  JOIN pg_class p ON p.oid = line.top
  JOIN pg_namespace pn ON pn.oid = p.relnamespace
  JOIN pg_class c ON c.oid = line.heir
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
  ORDER BY 1, 5`;
