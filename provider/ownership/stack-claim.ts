import type { Queryable } from "../postgres/connection.ts";
import { explain, listOf } from "../postgres/explain.ts";
import { alterRoleProblem, roleExists } from "../postgres/roles.ts";
import { inTransaction } from "../postgres/transaction.ts";
import type { Call } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import type { Move } from "./moves.ts";
import {
  commentStatement,
  isOurs,
  readComments,
  recordIn,
  type StackRecord,
  stackOf,
  type ThisStack,
} from "./stack-comment.ts";

/** What a stack's owner role owns, as far as the record of it needs to know. */
interface Owned {
  database: string;
  owner: string;
  /** The Baseline's snapshot. */
  former: { stack?: string | undefined } | Unknown;
}

function thisStack({ database, former }: Owned, call: Pick<Call, "urn"> | undefined): ThisStack {
  return { database, stack: call ? stackOf(call.urn) : "", id: former instanceof Unknown ? undefined : former.stack };
}

/** Two stacks that own the same objects would take them from each other at every up. */
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
        `Take them out of one of the stacks, or keep them where they are (keepOwner). ` +
        `If that stack is gone or its state was lost, run ${commentStatement(role, comment, database, undefined)}; then run this again`,
    ];
  });
}

/** The plan's line for a record that is not there, on a role that is. */
export async function missingRecord(
  db: Queryable,
  inputs: Owned,
  call: Call | undefined,
): Promise<Record<string, string>> {
  const { database, owner } = inputs;
  if (call === undefined || !(await isRecordMissing(db, inputs, call))) return {};
  if (!(await roleExists(db, owner)) || (await alterRoleProblem(db, owner)) !== undefined) return {};
  return { [`comment on role ${owner}`]: `says that stack ${thisStack(inputs, call).stack} owns ${database} with it` };
}

async function isRecordMissing(db: Queryable, inputs: Owned, call: Call): Promise<boolean> {
  const { database, stack, id } = thisStack(inputs, call);
  const found = recordIn((await readComments(db, [inputs.owner])).get(inputs.owner), database);
  return found?.stack !== stack || found.id !== id;
}

/** Writes down whose the owner role is. An admin that may not comment on it can do without. */
export async function record(db: Queryable, inputs: Owned, call: Call): Promise<void> {
  const { database, owner } = inputs;
  if (!(await isRecordMissing(db, inputs, call)) || (await alterRoleProblem(db, owner)) !== undefined) return;
  const { stack, id } = thisStack(inputs, call);
  await comment(db, inputs, call, { database, stack, ...(id !== undefined && { id }) });
}

/** A role that stays has its own comment again. */
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
