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

/** How long one ALTER waits for its lock, and so how long it can hold up others behind it. */
const lockTimeout = "200ms";
/** Ours must be the one that gives way: the application's deadlock_timeout is longer. */
const deadlockTimeout = "10ms";
/** Milliseconds without any object moving after which the run gives up and names who is in the way. */
const patience = 120_000;
/** Milliseconds between two rounds over the objects that were locked: the application runs in between. */
const roundDelay = { first: 250, most: 3000 };
/** Moves sent in one message, each still a transaction of its own: a round trip for each would take longer than the move. */
const batchSize = 50;
/** Milliseconds between two lines of progress. */
const progressEvery = 200;

export interface Reassigned {
  moved: number;
  /** Objects that stayed where they were, with the reason. */
  left: { move: Move; reason: string }[];
  /** Objects that another session dropped or renamed before their move. */
  gone: Move[];
}

/** Plans that are made anew because objects were dropped or renamed meanwhile: what is renamed all the time is left out. */
const furtherPlans = 3;

/**
 * Moves what `plan` finds, see `reassign`, and what it finds then, as long as objects are dropped or renamed meanwhile.
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
    call.report.progress(`planned anew: ${listOf(result.gone.map(({ object }) => object.key))} changed meanwhile`);
  }
}

/** The new owner may be what is gone. */
async function refuseMissingOwners(db: Queryable, moves: Move[]): Promise<void> {
  const there = await existingRoles(db, [...new Set(moves.map(({ to }) => to))]);
  const missing = moves.find(({ to }) => !there.has(to));
  if (missing)
    throw new Error(`cannot move ${missing.object.key} (${describe(missing)}): there is no role ${missing.to}`);
}

/**
 * Moves objects to their new owners, one transaction each, in the order given; an object that is locked is tried again
 * after the others of its depth. Never holds a lock while it waits for another. Throws when Postgres refuses a move
 * for good; `patienceMs` without any progress ends the run with what is left.
 */
export async function reassign(db: Queryable, moves: Move[], call: Call, patienceMs = patience): Promise<Reassigned> {
  const timescale = await findTimescale(db);
  const mover = await moverFor(db, timescale);
  const before = await prepare(db);
  let result: Reassigned;
  try {
    result = await moveAll(db, moves, mover, call, patienceMs);
  } catch (error) {
    // The error says what happened; a lost connection has nothing to finish.
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
  let told = 0;
  const gone: Move[] = [];
  for (const group of inOrder(moves)) {
    let waiting = group;
    let delay = roundDelay.first;
    let progressed = Date.now();
    while (waiting.length > 0) {
      const blocked: { move: Move; reason: string }[] = [];
      // What was locked in the round before is tried one by one: a batch would stop at the first of them again.
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
        if (progressed - told < progressEvery) continue;
        told = progressed;
        call.report.progress(`moved ${moved} of ${moves.length}: ${batch.at(-1)?.object.key}`);
      }
      waiting = blocked.map(({ move }) => move);
      if (waiting.length === 0) break;
      if (Date.now() - progressed > patienceMs) return { moved, left: await withHolders(db, blocked), gone };
      call.report.progress(`moved ${moved} of ${moves.length}; waiting for ${waiting.length} that others hold`);
      await pause(delay, call.signal);
      delay = Math.min(delay * 2, roundDelay.most);
    }
  }
  return { moved, left: [], gone };
}

/** All statements of one move. */
type Mover = (move: Move) => Promise<string[]>;

/**
 * For as long as a move's transaction takes an admin that is no superuser is a member of the owners, old and new, and the
 * new one may create in the schema: of a superuser Postgres asks neither.
 */
async function moverFor(db: Queryable, timescale: Installation | undefined): Promise<Mover> {
  if (await isSuperuser(db)) return async (move) => statements(move, timescale);
  const known = new Map<string, Promise<TemporaryGrant[]>>();
  const borrow = async (schema: string, to: string, others: string[]): Promise<TemporaryGrant[]> => {
    const create = await createPrivilege(db, schema, to);
    return [await membershipOf(db, [...others, to, ...(create ? [create.owner] : [])]), ...(create ? [create] : [])];
  };
  return async (move) => {
    const { object, to, privileges } = move;
    const others = [...new Set([object.owner, ...privileges.flatMap(({ as }) => as ?? [])])].sort();
    const key = JSON.stringify([object.schema, to, others]);
    const borrowed = known.get(key) ?? borrow(object.schema, to, others);
    known.set(key, borrowed);
    const all = await borrowed;
    return [
      ...all.flatMap(({ grant }) => grant),
      ...statements(move, timescale),
      ...all.toReversed().flatMap(({ revoke }) => revoke),
    ];
  };
}

/** Runs of equal depth: within one the order is free, between two it is not. */
function inOrder(moves: Move[]): Move[][] {
  const groups: Move[][] = [];
  for (const move of moves) {
    const last = groups.at(-1);
    if (last && last[0]?.object.depth === move.object.depth) last.push(move);
    else groups.push([move]);
  }
  return groups;
}

/** What the session had before. */
interface Before {
  synchronousCommit: string;
  maySetDeadlockTimeout: boolean;
}

async function prepare(db: Queryable): Promise<Before> {
  await db.query(`SET lock_timeout = ${escapeLiteral(lockTimeout)}`);
  const maySetDeadlockTimeout = await canSetParameter(db, "deadlock_timeout");
  if (maySetDeadlockTimeout) await db.query(`SET deadlock_timeout = ${escapeLiteral(deadlockTimeout)}`);
  const { rows } = await db.query<{ before: string }>("SELECT current_setting('synchronous_commit') AS before");
  // Thousands of commits need not wait for the disk one by one: the last one, below, waits for all of them.
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
 * Waits until all that was committed before is on the disk. Only a commit that has written WAL itself waits for it (see
 * RecordTransactionCommit in PostgreSQL's source), and an empty large object that goes in the same transaction is what any user
 * may write everywhere; nothing of it is left.
 */
async function flush(db: Queryable): Promise<void> {
  await db.query("SELECT lo_unlink(lo_create(0))");
}

/**
 * Moves of one statement each, in one message; false when they must be tried one by one, which does no harm to those that
 * were moved by then: an owner that is the right one already is no change.
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

/** With a reason it must be tried again. */
async function moveOne(db: Queryable, move: Move, mover: Mover): Promise<"moved" | "gone" | { reason: string }> {
  const all = await mover(move);
  try {
    // One statement is a transaction by itself.
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

/** When the connection is lost this fails, too, and says less than what it was lost with. */
async function rollback(db: Queryable, why: Error): Promise<void> {
  await db.query("ROLLBACK").catch(() => {
    throw why;
  });
}

/** Adds who holds a lock on each object: what the person at the keyboard has to look at. */
async function withHolders(db: Queryable, left: Reassigned["left"]): Promise<Reassigned["left"]> {
  const found: Reassigned["left"] = [];
  for (const { move, reason } of left) {
    const holders = await lockHolders(db, move.object.identity);
    found.push({ move, reason: holders ? `${reason}; held by ${holders}` : reason });
  }
  return found;
}
