import { setTimeout as sleep } from "node:timers/promises";
import { lockHolders } from "../catalog/lock-holders.ts";
import { readOwnedObjects } from "../catalog/objects.ts";
import { movesTowards, schemasOf } from "../catalog/ownership.ts";
import { missingSchemas } from "../catalog/schemas.ts";
import { findTimescale } from "../catalog/timescale.ts";
import type { Queryable } from "../connection.ts";
import { explain } from "../errors.ts";
import type { Call } from "../rpc/provider.ts";
import type { RehearsalGoal, SqlFile } from "./goal.ts";
import { plannedOwnership, plannedPrivileges } from "./prerequisites.ts";
import { readRelations } from "./relations.ts";
import { type Missed, nothingRehearsed, type Rehearsed } from "./result.ts";
import { readRoles } from "./roles.ts";
import { Blocked, HeldTooLong } from "./rolled-back.ts";
import { runFile } from "./run-file.ts";
import { type Progress, runTrial, type Stage } from "./run-trial.ts";
import { parseSqlFile } from "./sql-file.ts";
import { trials } from "./trials.ts";

/** How far a rehearsal may go on a live server. */
export interface Limits {
  /** Milliseconds for which one transaction may hold its locks. @default 250 */
  holdCap?: number;
  /** Milliseconds without anything new rehearsed after which what others have locked is given up. @default 15,000 */
  patience?: number;
}
/** Times that what held its locks for too long is tried again: the server may have been busy. */
const triesTooLong = 2;
/** Milliseconds between two rounds over what is locked: the application runs in between. */
const roundDelay = { first: 250, most: 3000 };

/** Something to rehearse that another session may be in the way of. */
interface Task {
  name: string;
  /** The relation whose lock is waited for, if it is one. */
  identity: string | undefined;
  run(): Promise<void>;
}

/**
 * Rehearses on the live server what an up would do in one database: every object is moved to its new owner in a
 * transaction of its own, tried out by its owner and by the other roles, and moved back; then the SQL files run as the
 * owner, each rolled back. Nothing is ever committed, and no lock is waited for while another is held. `db` must be a
 * superuser's session, as `Server` gives it.
 */
export async function rehearse(
  db: Queryable,
  goal: RehearsalGoal,
  files: SqlFile[],
  call: Pick<Call, "signal" | "report">,
  { holdCap = 250, patience = 15_000 }: Limits = {},
): Promise<Rehearsed> {
  await refuse(db, goal, files);
  const result = nothingRehearsed();
  const { stage, all } = await prepare(db, goal, holdCap);
  const tasks = all.map((trial): Task => {
    const progress: Progress = { trial, made: 0, hasMoved: false };
    const identity = trial.move?.object.identity ?? trial.name;
    return { name: trial.name, identity, run: () => runTrial(db, stage, progress, result) };
  });
  result.objects = all.filter(({ isSchema }) => !isSchema).length;
  await runAll(db, [...tasks, ...(await fileTasks(db, stage, files, result))], result, call, patience);
  return result;
}

/** What an up has to do, by number: with nothing to do there is nothing to rehearse. */
export interface Pending {
  moves: number;
  /** Privileges on objects. */
  privileges: number;
}

/** Reads what an up has to do in the database; takes no lock beyond a SELECT's. */
export async function pending(db: Queryable, goal: RehearsalGoal): Promise<Pending> {
  const { moves } = await readMoves(db, goal);
  return { moves: moves.length, privileges: (await plannedPrivileges(db, goal)).length };
}

async function readMoves(db: Queryable, goal: RehearsalGoal) {
  const wanted = { ...goal, owner: goal.owner ?? "", roles: goal.roles.map(({ role }) => role) };
  const objects = await readOwnedObjects(db, schemasOf(wanted));
  return { objects, moves: goal.owner === undefined ? [] : movesTowards(wanted, objects) };
}

async function prepare(db: Queryable, goal: RehearsalGoal, holdCap: number) {
  const { objects, moves } = await readMoves(db, goal);
  const timescale = await findTimescale(db);
  const relations = await readRelations(db, goal.schemas);
  const stage: Stage = {
    goal,
    timescale,
    holdCap,
    roles: await readRoles(db, goal),
    prerequisites: [...(await plannedPrivileges(db, goal)), ...plannedOwnership(moves, relations, timescale)],
  };
  return { stage, all: trials(goal, objects, relations, moves) };
}

async function refuse(db: Queryable, goal: RehearsalGoal, files: SqlFile[]): Promise<void> {
  const { rows } = await db.query<{ name: string; superuser: boolean }>(
    "SELECT rolname AS name, rolsuper AS superuser FROM pg_roles WHERE rolname = current_user",
  );
  if (!rows[0]?.superuser) {
    throw new Error(
      `cannot rehearse in ${goal.database}: ${rows[0]?.name} is no superuser, and only one can act as roles that do not exist yet (app-roles:server.admin.user)`,
    );
  }
  const missing = await missingSchemas(db, goal.database, goal.schemas);
  if (missing.length > 0) {
    throw new Error(`cannot rehearse in ${goal.database}: ${missing.map(({ reason }) => reason).join("; ")}`);
  }
  if (files.length > 0 && goal.owner === undefined) {
    throw new Error(
      `cannot rehearse ${files.map(({ name }) => name).join(", ")} in ${goal.database}: it has no owner to run them as (app-roles:databases.${goal.database}.owner)`,
    );
  }
}

/** Files that can be run; the others are failures already. */
async function fileTasks(db: Queryable, stage: Stage, files: SqlFile[], result: Rehearsed): Promise<Task[]> {
  const tasks: Task[] = [];
  for (const file of files) {
    const { statements, refused } = await parseSqlFile(file);
    for (const { line, reason } of refused) {
      const object = `${file.name} line ${line}`;
      const remedy = "Nothing of this file was run. Take it out of what is rehearsed.";
      result.failed.push({ object, check: "reading the file", code: undefined, message: reason, remedy });
    }
    const owner = stage.goal.owner as string;
    if (refused.length > 0) continue;
    const run = () => runFile(db, stage, owner, file, statements, result);
    tasks.push({ name: file.name, identity: undefined, run });
  }
  return tasks;
}

/** Runs every task; those that were blocked, or held up, again and again until nothing moves any more. */
async function runAll(
  db: Queryable,
  tasks: Task[],
  result: Rehearsed,
  call: Pick<Call, "signal" | "report">,
  patience: number,
): Promise<void> {
  let waiting = tasks;
  let delay = roundDelay.first;
  let done = 0;
  let progressed = Date.now();
  for (let round = 0; ; round++) {
    const left: { task: Task; missed: Missed; isHopeless: boolean }[] = [];
    for (const task of waiting) {
      refuseCancelled(call.signal);
      try {
        await task.run();
      } catch (error) {
        if (error instanceof Blocked) left.push({ task, missed: await locked(db, task, error), isHopeless: false });
        else if (!(error instanceof HeldTooLong)) throw explain(`cannot rehearse ${task.name}`, error);
        else left.push({ task, missed: tooLong(task), isHopeless: round >= triesTooLong });
        continue;
      }
      done++;
      progressed = Date.now();
      call.report.progress(`rehearsed ${done} of ${tasks.length}: ${task.name}`);
    }
    const isOver = Date.now() - progressed > patience;
    result.missed.push(...left.filter(({ isHopeless }) => isOver || isHopeless).map(({ missed }) => missed));
    waiting = left.filter(({ isHopeless }) => !isOver && !isHopeless).map(({ task }) => task);
    if (waiting.length === 0) return;
    call.report.progress(`rehearsed ${done} of ${tasks.length}; waiting for ${waiting.length} that others hold`);
    await sleep(delay, undefined, { signal: call.signal }).catch(() => refuseCancelled(call.signal));
    delay = Math.min(delay * 2, roundDelay.most);
  }
}

async function locked(db: Queryable, { name, identity }: Task, error: Blocked): Promise<Missed> {
  const holders = identity === undefined ? "" : await lockHolders(db, identity);
  return {
    object: name,
    reason: `locked by ${holders || "another session, or what it reads is"}: ${error.message}`,
    remedy: "Let that session end, or rehearse at a quieter time.",
  };
}

function tooLong({ name }: Task): Missed {
  return {
    object: name,
    reason: "its locks would be held for too long, waiting included",
    remedy: "Rehearse it on a copy of the database, or at a quieter time; the up itself has no such cap.",
  };
}

function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new Error("cancelled; all of the rehearsal was rolled back");
}
