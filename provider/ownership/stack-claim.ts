import { escapeIdentifier, escapeLiteral } from "pg";
import type { Queryable } from "../postgres/connection.ts";
import { explain, listOf } from "../postgres/explain.ts";
import { alterRoleProblem, roleExists } from "../postgres/roles.ts";
import { inTransaction } from "../postgres/transaction.ts";
import type { Call } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import type { Move } from "./moves.ts";

/** The part of the inputs that the record depends on. */
interface Owned {
  database: string;
  owner: string;
  /** The Baseline's snapshot. */
  former: { stack?: string | undefined } | Unknown;
}

function thisStack({ database, former }: Owned, call: Pick<Call, "urn"> | undefined): ThisStack {
  return { database, stack: call ? stackOf(call.urn) : "", id: former instanceof Unknown ? undefined : former.stack };
}

/** Failures for objects of another stack: the two stacks would change the owner at each up. */
export async function foreignStacks(
  db: Queryable,
  inputs: Owned,
  moves: Move[],
  call: Call | undefined,
): Promise<string[]> {
  const { database, owner } = inputs;
  const owners = [...new Set([owner, ...moves.map(({ object }) => object.owner)])];
  const comments = await readComments(db, owners);
  return owners.flatMap((role) => {
    const comment = comments.get(role);
    const found = recordIn(comment, database);
    if (!found || isOurs(found, thisStack(inputs, call))) return [];
    const objects = moves.filter(({ object }) => object.owner === role).map(({ object }) => object.key);
    const what = objects.length > 0 ? `${listOf(objects)} belong` : `role ${role} belongs`;
    return [
      `database ${database}: ${what} to the stack ${found.stack}, whose owner role is ${role}: two stacks cannot own the same objects. ` +
        `Remove them from one of the stacks, or keep their owner (keepOwner). ` +
        `If that stack no longer exists or its state was lost, run ${commentStatement(role, comment, database, undefined)}; then run this again`,
    ];
  });
}

/** The plan's line for a missing record, also on a role that the up creates. */
export async function missingRecord(
  db: Queryable,
  inputs: Owned,
  call: Call | undefined,
): Promise<Record<string, string>> {
  const { database, owner } = inputs;
  if (call === undefined || !(await isRecordMissing(db, inputs, call))) return {};
  if ((await roleExists(db, owner)) && (await alterRoleProblem(db, owner)) !== undefined) return {};
  return {
    [`comment on role ${owner}`]: `records that stack ${thisStack(inputs, call).stack} owns ${database} through it`,
  };
}

async function isRecordMissing(db: Queryable, inputs: Owned, call: Call): Promise<boolean> {
  const { database, stack, id } = thisStack(inputs, call);
  const found = recordIn((await readComments(db, [inputs.owner])).get(inputs.owner), database);
  return found?.stack !== stack || found.id !== id;
}

/** Records the stack in the comment of its owner role, if the admin can comment on the role. */
export async function record(db: Queryable, inputs: Owned, call: Call): Promise<void> {
  const { database, owner } = inputs;
  if (!(await isRecordMissing(db, inputs, call)) || (await alterRoleProblem(db, owner)) !== undefined) return;
  const { stack, id } = thisStack(inputs, call);
  await comment(db, inputs, call, { database, stack, ...(id !== undefined && { id }) });
}

/** Removes the record from the comment of a role that stays. */
export async function forgetRecord(db: Queryable, inputs: Owned, call: Call): Promise<void> {
  const found = recordIn((await readComments(db, [inputs.owner])).get(inputs.owner), inputs.database);
  if (!found || !isOurs(found, thisStack(inputs, call)) || (await alterRoleProblem(db, inputs.owner)) !== undefined)
    return;
  await comment(db, inputs, call, undefined);
}

async function comment(db: Queryable, inputs: Owned, call: Call, line: StackRecord | undefined): Promise<void> {
  const { database, owner } = inputs;
  const doing = `recording on ${owner} which stack owns ${database}`;
  await inTransaction(db, call, doing, async () => {
    const now = (await readComments(db, [owner])).get(owner);
    try {
      await db.query(commentStatement(owner, now, database, line));
    } catch (error) {
      throw explain(`failed ${doing}`, error);
    }
  });
}

/** The stack that owns the objects of a database through a role: a line in the role's comment, dropped with the role. */
export interface StackRecord {
  database: string;
  /** `project/stack`. */
  stack: string;
  /** From the stack's Baseline of this database, because another stack can have the same name. */
  id?: string;
}

/** The stack that runs. */
export interface ThisStack {
  database: string;
  /** `project/stack`. */
  stack: string;
  /** Undefined before the first change. */
  id: string | undefined;
}

const prefix = "app-roles: ";

/** `project/stack` of a resource's URN. */
function stackOf(urn: string): string {
  const [, stack, project] = /^urn:pulumi:(.*?)::(.*?)::/.exec(urn) ?? [];
  return `${project}/${stack}`;
}

/** Comments by role, for roles with a comment. */
async function readComments(db: Queryable, roles: string[]): Promise<Map<string, string>> {
  const { rows } = await db.query<{ role: string; comment: string }>(
    `SELECT r.rolname AS role, d.description AS comment
     FROM pg_roles r JOIN pg_shdescription d ON d.classoid = 'pg_authid'::regclass AND d.objoid = r.oid
     WHERE r.rolname = ANY ($1::text[])`,
    [roles],
  );
  return new Map(rows.map(({ role, comment }) => [role, comment]));
}

/** The record of this database in a role's comment. */
function recordIn(comment: string | undefined, database: string): StackRecord | undefined {
  return linesOf(comment)
    .map(parse)
    .find((record) => record?.database === database);
}

function isOurs(record: StackRecord, { stack, id }: ThisStack): boolean {
  if (record.id !== undefined) return record.id === id;
  return record.stack === stack;
}

/** The statement that sets, or without `record` removes, the record of this database and keeps the rest of the comment. */
function commentStatement(
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
    return undefined; // a user's text
  }
}
