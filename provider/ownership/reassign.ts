import { escapeLiteral } from "pg";
import { codeOf, type Queryable } from "../postgres/connection.ts";
import { explain, listOf } from "../postgres/explain.ts";
import { isGone, readingAgain } from "../postgres/gone.ts";
import { lockHolders } from "../postgres/locks.ts";
import { createPrivilege, membershipOf, type TemporaryGrant } from "../postgres/membership.ts";
import { pause, refuseCancelled } from "../postgres/pause.ts";
import { existingRoles, isSuperuser } from "../postgres/roles.ts";
import { findTimescale, type Installation } from "../postgres/timescale.ts";
import { isTransient } from "../postgres/transaction.ts";
import type { Call } from "../rpc/provider.ts";
import { canSetParameter } from "../settings/settings.ts";
import { describe, type Move, statements } from "./moves.ts";

/** How long an ALTER waits for its lock, which is how long it can block other sessions behind it. */
const lockTimeout = "200ms";
/** Shorter than the application's, so that a deadlock cancels this session and not the application's. */
const deadlockTimeout = "10ms";
/** Milliseconds without progress after which the run stops and names the blocking sessions. */
const patience = 120_000;
/** Milliseconds between two rounds over locked objects, in which the application runs. */
const roundDelay = { first: 250, most: 3000 };
/** Moves in one message, each in its own transaction: a round trip for each would take longer than the move. */
const batchSize = 50;
/** Milliseconds between two lines of progress. */
const progressEvery = 200;

export interface Reassigned {
  moved: number;
  /** Objects that were not moved, with the reason. */
  left: { move: Move; reason: string }[];
  /** Objects that another session dropped or renamed before their move. */
  gone: Move[];
}

/** Further plans when objects are dropped or renamed meanwhile; after those the objects are left out. */
const furtherPlans = 3;

/**
 * Runs the moves of `plan` (see `reassign`), and plans again while objects are dropped or renamed meanwhile.
 * `planned` counts the objects of all plans, each once.
 */
export async function reassignPlanned(
  db: Queryable,
  plan: () => Promise<Move[]>,
  call: Call,
): Promise<Reassigned & { planned: number }> {
  let moved = 0;
  let planned = 0;
  for (let further = furtherPlans; ; further--) {
    const moves = await readingAgain(plan);
    const result = await reassign(db, moves, call);
    moved += result.moved;
    planned += moves.length - result.gone.length;
    if (result.gone.length === 0 || result.left.length > 0 || further === 0) {
      await refuseMissingOwners(db, result.gone);
      return { ...result, moved, planned };
    }
    call.report.progress(`planning again: ${listOf(result.gone.map(({ object }) => object.key))} changed meanwhile`);
  }
}

/** The missing object can be the new owner. */
async function refuseMissingOwners(db: Queryable, moves: Move[]): Promise<void> {
  const existing = await existingRoles(db, [...new Set(moves.map(({ to }) => to))]);
  const missing = moves.find(({ to }) => !existing.has(to));
  if (missing)
    throw new Error(`cannot move ${missing.object.key} (${describe(missing)}): there is no role ${missing.to}`);
}

/**
 * Moves objects to their new owners in the given order, each in its own transaction. A locked object is retried after the
 * others of its depth. Never waits for a lock while it holds another. Throws if Postgres refuses a move permanently; returns
 * the objects that are left after `patienceMs` without progress.
 */
export async function reassign(db: Queryable, moves: Move[], call: Call, patienceMs = patience): Promise<Reassigned> {
  const timescale = await findTimescale(db);
  const mover = await moverFor(db, timescale);
  const before = await prepare(db);
  let result: Reassigned;
  try {
    result = await moveAll(db, moves, mover, call, patienceMs);
  } catch (error) {
    // On a lost connection this fails, too; report the original error.
    await finish(db, before, moves.length > 0).catch(() => undefined);
    throw error;
  }
  await finish(db, before, result.moved > 0);
  return result;
}

async function moveAll(
  db: Queryable,
  moves: Move[],
  mover: Mover,
  call: Call,
  patienceMs: number,
): Promise<Reassigned> {
  let moved = 0;
  let reported = 0;
  const gone: Move[] = [];
  for (const group of inOrder(moves)) {
    let waiting = group;
    let delay = roundDelay.first;
    let progressed = Date.now();
    while (waiting.length > 0) {
      const blocked: { move: Move; reason: string }[] = [];
      // Objects that were locked are retried one by one, because a batch would stop at the first again.
      const size = waiting === group ? batchSize : 1;
      for (let start = 0; start < waiting.length; start += size) {
        const batch = waiting.slice(start, start + size);
        const before = blocked.length + gone.length;
        refuseCancelled(call.signal);
        if (!(await moveTogether(db, batch, mover))) {
          for (const move of batch) {
            refuseCancelled(call.signal);
            const outcome = await moveOne(db, move, mover);
            if (outcome === "gone") gone.push(move);
            else if (outcome !== "moved") blocked.push({ move, ...outcome });
          }
        }
        const done = batch.length - (blocked.length + gone.length - before);
        if (done === 0) continue;
        moved += done;
        progressed = Date.now();
        if (progressed - reported < progressEvery) continue;
        reported = progressed;
        call.report.progress(`moved ${moved} of ${moves.length}: ${batch.at(-1)?.object.key}`);
      }
      waiting = blocked.map(({ move }) => move);
      if (waiting.length === 0) break;
      if (Date.now() - progressed > patienceMs) return { moved, left: await withHolders(db, blocked), gone };
      call.report.progress(`moved ${moved} of ${moves.length}; waiting for ${waiting.length} that other sessions lock`);
      await pause(delay, call.signal);
      delay = Math.min(delay * 2, roundDelay.most);
    }
  }
  return { moved, left: [], gone };
}

/** Returns all statements of one move. */
type Mover = (move: Move) => Promise<string[]>;

/**
 * During the transaction of a move, a non-superuser admin must be a member of the previous and the new owner, and the new owner
 * must have CREATE on the schema. A superuser needs neither.
 */
async function moverFor(db: Queryable, timescale: Installation | undefined): Promise<Mover> {
  if (await isSuperuser(db)) return async (move) => statements(move, timescale);
  const known = new Map<string, Promise<TemporaryGrant[]>>();
  const grantsFor = async (schema: string, to: string, others: string[]): Promise<TemporaryGrant[]> => {
    const create = await createPrivilege(db, schema, to);
    return [await membershipOf(db, [...others, to, ...(create ? [create.owner] : [])]), ...(create ? [create] : [])];
  };
  return async (move) => {
    const { object, to, privileges } = move;
    const others = [...new Set([object.owner, ...privileges.flatMap(({ as }) => as ?? [])])].sort();
    const key = JSON.stringify([object.schema, to, others]);
    const granted = known.get(key) ?? grantsFor(object.schema, to, others);
    known.set(key, granted);
    const all = await granted;
    return [
      ...all.flatMap(({ grant }) => grant),
      ...statements(move, timescale),
      ...all.toReversed().flatMap(({ revoke }) => revoke),
    ];
  };
}

/** Groups of equal depth, in order; the order within a group does not matter. */
function inOrder(moves: Move[]): Move[][] {
  const groups: Move[][] = [];
  for (const move of moves) {
    const last = groups.at(-1);
    if (last && last[0]?.object.depth === move.object.depth) last.push(move);
    else groups.push([move]);
  }
  return groups;
}

/** Settings of the session to restore. */
interface Before {
  synchronousCommit: string;
  maySetDeadlockTimeout: boolean;
}

async function prepare(db: Queryable): Promise<Before> {
  await db.query(`SET lock_timeout = ${escapeLiteral(lockTimeout)}`);
  const maySetDeadlockTimeout = await canSetParameter(db, "deadlock_timeout");
  if (maySetDeadlockTimeout) await db.query(`SET deadlock_timeout = ${escapeLiteral(deadlockTimeout)}`);
  const { rows } = await db.query<{ before: string }>("SELECT current_setting('synchronous_commit') AS before");
  // Only the last of thousands of commits waits for the disk (see flush).
  await db.query("SET synchronous_commit = off");
  return { synchronousCommit: rows[0]?.before ?? "on", maySetDeadlockTimeout };
}

async function finish(db: Queryable, before: Before, hasMoved: boolean): Promise<void> {
  await db.query(`SET synchronous_commit = ${escapeLiteral(before.synchronousCommit)}`);
  if (hasMoved) await flush(db);
  await db.query("RESET lock_timeout");
  if (before.maySetDeadlockTimeout) await db.query("RESET deadlock_timeout");
}

/**
 * Waits until all previous commits are on disk. Only a commit that has written WAL waits (see RecordTransactionCommit in
 * PostgreSQL's source); any user can create a large object and remove it in the same transaction.
 */
async function flush(db: Queryable): Promise<void> {
  await db.query("SELECT lo_unlink(lo_create(0))");
}

/**
 * Runs moves of one statement each in one message; false if they must be retried one by one. Repeating a completed move is
 * harmless: the owner is already the right one.
 */
async function moveTogether(db: Queryable, batch: Move[], mover: Mover): Promise<boolean> {
  const each = await Promise.all(batch.map(mover));
  if (batch.length < 2 || each.some(({ length }) => length !== 1)) return false;
  try {
    await db.query(each.map(([statement]) => `BEGIN; ${statement}; COMMIT`).join("; "));
    return true;
  } catch (error) {
    await rollback(db, explain(`cannot move ${batch[0]?.object.key} and ${batch.length - 1} others`, error));
    return false;
  }
}

/** A returned reason means that the move must be retried. */
async function moveOne(db: Queryable, move: Move, mover: Mover): Promise<"moved" | "gone" | { reason: string }> {
  const all = await mover(move);
  try {
    // A single statement is its own transaction.
    await db.query(all.length === 1 ? (all[0] as string) : `BEGIN; ${all.join("; ")}; COMMIT`);
    return "moved";
  } catch (error) {
    const explained = explain(`cannot move ${move.object.key} (${describe(move)})`, error);
    await rollback(db, explained);
    if (isTransient(error)) return { reason: `${(error as Error).message} (${codeOf(error)})` };
    if (isGone(error)) return "gone";
    throw explained;
  }
}

/** On a lost connection this fails, too: then throws the original error, which has more detail. */
async function rollback(db: Queryable, why: Error): Promise<void> {
  await db.query("ROLLBACK").catch(() => {
    throw why;
  });
}

/** Adds the sessions that hold a lock on each object. */
async function withHolders(db: Queryable, left: Reassigned["left"]): Promise<Reassigned["left"]> {
  const found: Reassigned["left"] = [];
  for (const { move, reason } of left) {
    const holders = await lockHolders(db, move.object.identity);
    found.push({ move, reason: holders ? `${reason}; held by ${holders}` : reason });
  }
  return found;
}
