import { escapeIdentifier, escapeLiteral } from "pg";
import type { Queryable } from "../postgres/connection.ts";

/** Which stack owns the objects of a database through a role. It is a line of the role's comment, and goes with the role. */
export interface StackRecord {
  database: string;
  /** `project/stack`. */
  stack: string;
  /** Of the stack's Baseline of this database: another stack may have the same name. */
  id?: string;
}

/** Who asks. */
export interface ThisStack {
  database: string;
  /** `project/stack`. */
  stack: string;
  /** Undefined: it has not changed anything yet. */
  id: string | undefined;
}

const prefix = "app-roles: ";

/** `project/stack` of a resource's URN. */
export function stackOf(urn: string): string {
  const [, stack, project] = /^urn:pulumi:(.*?)::(.*?)::/.exec(urn) ?? [];
  return `${project}/${stack}`;
}

/** The comments of those roles that have one. */
export async function readComments(db: Queryable, roles: string[]): Promise<Map<string, string>> {
  const { rows } = await db.query<{ role: string; comment: string }>(
    `SELECT r.rolname AS role, d.description AS comment
     FROM pg_roles r JOIN pg_shdescription d ON d.classoid = 'pg_authid'::regclass AND d.objoid = r.oid
     WHERE r.rolname = ANY ($1::text[])`,
    [roles],
  );
  return new Map(rows.map(({ role, comment }) => [role, comment]));
}

/** The record of this database in a role's comment. */
export function recordIn(comment: string | undefined, database: string): StackRecord | undefined {
  return linesOf(comment)
    .map(parse)
    .find((record) => record?.database === database);
}

export function isOurs(record: StackRecord, { stack, id }: ThisStack): boolean {
  if (record.id !== undefined) return record.id === id;
  return record.stack === stack;
}

/** The statement that leaves `record`, or none, as the only one of this database in the role's comment, and the rest as it is. */
export function commentStatement(
  role: string,
  comment: string | undefined,
  database: string,
  record: StackRecord | undefined,
): string {
  const others = linesOf(comment).filter((line) => parse(line)?.database !== database);
  const lines = record ? [...others, `${prefix}${JSON.stringify(record)}`] : others;
  const text = lines.length > 0 ? escapeLiteral(lines.join("\n")) : "NULL";
  return `COMMENT ON ROLE ${escapeIdentifier(role)} IS ${text}`;
}

function linesOf(comment: string | undefined): string[] {
  return comment === undefined || comment === "" ? [] : comment.split("\n");
}

function parse(line: string): StackRecord | undefined {
  if (!line.startsWith(prefix)) return undefined;
  try {
    const found = JSON.parse(line.slice(prefix.length)) as Partial<StackRecord> | null;
    if (typeof found?.database !== "string" || typeof found.stack !== "string") return undefined;
    return { database: found.database, stack: found.stack, ...(typeof found.id === "string" && { id: found.id }) };
  } catch {
    return undefined; // somebody's own words
  }
}
