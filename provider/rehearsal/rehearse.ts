import { setTimeout as sleep } from "node:timers/promises";
import { type Move, movesTowards, schemasOf } from "../ownership/moves.ts";
import { type OwnedObject, readOwnedObjects } from "../ownership/objects.ts";
import type { Queryable } from "../postgres/connection.ts";
import { explain } from "../postgres/explain.ts";
import { isGone } from "../postgres/gone.ts";
import { type Heir, readHeirs } from "../postgres/heirs.ts";
import { lockHolders } from "../postgres/locks.ts";
import { missingSchemas } from "../postgres/schemas.ts";
import { findTimescale } from "../postgres/timescale.ts";
import type { Call } from "../rpc/provider.ts";
import type { RehearsalGoal, SqlFile } from "./goal.ts";
import { plannedOwnership, plannedPrivileges } from "./prerequisites.ts";
import { readRelations, relationCost, relationsOf } from "./relations.ts";
import { type Missed, nothingRehearsed, type Rehearsed } from "./result.ts";
import { readRoles } from "./roles.ts";
import { Blocked, HeldTooLong } from "./rolled-back.ts";
import { runFile } from "./run-file.ts";
import { type Progress, runTrial, type Stage } from "./run-trial.ts";
import { type Container, type Recursion, trials } from "./trials.ts";

/** Limits of a rehearsal on a live server. */
export interface Limits {
  /** Milliseconds for which a transaction can hold its locks. @default 250 */
  holdCap?: number;
  /** Milliseconds without progress after which locked objects are left out. @default 15,000 */
  patience?: number;
}

/** Retries of a task that held its locks for too long, because the server can have been busy. */
const retriesTooLong = 2;
/** Milliseconds between two rounds over locked objects, in which the application runs. */
const roundDelay = { first: 250, most: 3000 };

/** An object or file to rehearse, which another session can block. */
interface Task {
  name: string;
  /** The relation whose lock the task waits for, if any. */
  identity: string | undefined;
  run(): Promise<void>;
  isFile: boolean;
  /** The object that is moved; undefined for a file or an object that stays. */
  object?: OwnedObject | undefined;
}

/**
 * Rehearses an up in one database on the live server: moves each object to its new owner in its own transaction, checks it as
 * its owner and as the other roles, and rolls back; then runs the SQL files as the owner, each rolled back. Commits nothing, and
 * never waits for a lock while it holds another. `db` must be a superuser's session from `Server`.
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
  const measure = measuring(db);
  const tasks: Task[] = [];
  for (const trial of all) {
    const hold = trial.move?.object.timescale ? await measure(trial.move.object) : undefined;
    if (hold && hold.milliseconds > holdCap / 2) {
      result.untried.push(untried(trial.name, hold, holdCap));
      continue;
    }
    const progress: Progress = { trial, made: 0, hasMoved: false };
    const identity = trial.move?.object.identity ?? trial.name;
    const run = () => runTrial(db, stage, progress, result);
    tasks.push({ name: trial.name, identity, run, isFile: false, object: trial.move?.object });
  }
  result.objects = all.filter(({ isSchema }) => !isSchema).length;
  const late = await runAll(db, [...tasks, ...(await fileTasks(db, stage, files, result))], result, call, patience);
  for (const { name, object, isFile } of late) {
    if (object) result.untried.push(untried(name, await measure(object), holdCap));
    else (isFile ? result.missed : result.untried).push(tooLong(name));
  }
  return result;
}

/** Estimate of how long a move will hold its locks, from the number of relations and the time for each. */
interface Hold {
  relations: number;
  milliseconds: number;
}

function measuring(db: Queryable): (object: OwnedObject) => Promise<Hold> {
  let cost: number | undefined;
  return async (object) => {
    const relations = await relationsOf(db, object);
    cost ??= await relationCost(db);
    return { relations, milliseconds: Math.ceil(relations * cost) };
  };
}

function untried(object: string, { relations, milliseconds }: Hold, holdCap: number): Missed {
  const most = Math.max(milliseconds, Math.ceil(holdCap / 2));
  return {
    object,
    reason: `its move changes ${relations} ${relations === 1 ? "relation" : "relations"} in one transaction and will hold their locks for ${most} ms or more, measured on this server, and a rehearsal holds locks for at most ${holdCap} ms`,
    remedy: "The up moves it anyway: run the up at a time of low load, or rehearse it on a copy of the database.",
  };
}

/** Number of changes that an up has to make; without any there is nothing to rehearse. */
export interface Pending {
  moves: number;
  /** Privileges on objects. */
  privileges: number;
}

/** Counts the changes that an up has to make in the database; takes no locks beyond those of a SELECT. */
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
  const heirs = await readHeirs(db, goal.schemas);
  const context = {
    recursion: recursionOf(goal, heirs, objects, moves),
    schemas: await readOwners(db, "schema", goal.schemas),
    extensions: (await readOwners(db, "extension", [])).filter(({ owner }) => owner !== goal.owner),
  };
  const stage: Stage = {
    goal,
    timescale,
    holdCap,
    roles: await readRoles(db, goal),
    prerequisites: [
      ...(await plannedPrivileges(db, goal)),
      ...plannedOwnership(moves, relations, timescale, topsOf(heirs)),
    ],
  };
  return { stage, all: trials(goal, objects, relations, moves, context) };
}

/** Each parent and child to its topmost table. */
function topsOf(heirs: Heir[]): Map<string, string> {
  const below = new Set(heirs.map(({ name }) => name));
  const tops = heirs.filter(({ parent }) => !below.has(parent));
  return new Map(tops.flatMap(({ parent, name }) => [[parent, parent] as const, [name, parent] as const]));
}

function recursionOf(
  goal: RehearsalGoal,
  heirs: Heir[],
  objects: OwnedObject[],
  moves: Move[],
): Map<string, Recursion> {
  const owned = new Set([
    ...objects.filter(({ owner }) => owner === goal.owner).map(({ identity }) => identity),
    ...moves.filter(({ to }) => to === goal.owner).map(({ object }) => object.identity),
  ]);
  return new Map(
    [...Map.groupBy(heirs, ({ parent }) => parent)].map(([parent, below]) => {
      const outside = below.filter(({ schema }) => !goal.schemas.includes(schema));
      const partitionsIn = [...new Set(outside.filter(({ isPartition }) => isPartition).map(({ schema }) => schema))];
      return [parent, { isBeyond: outside.length > 0 || below.some(({ name }) => !owned.has(name)), partitionsIn }];
    }),
  );
}

async function readOwners(db: Queryable, of: "schema" | "extension", names: string[]): Promise<Container[]> {
  const { rows } = await db.query<Container>(
    of === "schema"
      ? "SELECT nspname AS name, pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = ANY ($1::text[]) ORDER BY 1"
      : "SELECT extname AS name, pg_get_userbyid(extowner) AS owner FROM pg_extension WHERE extname <> ALL ($1::text[] || 'plpgsql'::text) ORDER BY 1",
    [names],
  );
  return rows;
}

async function refuse(db: Queryable, goal: RehearsalGoal, files: SqlFile[]): Promise<void> {
  const { rows } = await db.query<{ name: string; superuser: boolean }>(
    "SELECT rolname AS name, rolsuper AS superuser FROM pg_roles WHERE rolname = current_user",
  );
  if (!rows[0]?.superuser) {
    throw new Error(
      `cannot rehearse in ${goal.database}: ${rows[0]?.name} is not a superuser, and only a superuser can act as roles that do not exist yet (app-roles:server.admin.user)`,
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

/** Tasks for the files that can be run; the others become failures. */
async function fileTasks(db: Queryable, stage: Stage, files: SqlFile[], result: Rehearsed): Promise<Task[]> {
  const tasks: Task[] = [];
  if (files.length === 0) return tasks;
  // The parser compiles WebAssembly: only where there is a file.
  const { parseSqlFile } = await import("./sql-file.ts");
  for (const file of files) {
    const { statements, refused } = await parseSqlFile(file);
    for (const { line, reason } of refused) {
      const object = `${file.name} line ${line}`;
      const remedy = "No statement of this file was run. Remove this one from the rehearsal.";
      result.failed.push({ object, check: "reading the file", code: undefined, message: reason, remedy });
    }
    const owner = stage.goal.owner as string;
    if (refused.length > 0) continue;
    const run = () => runFile(db, stage, owner, file, statements, result);
    tasks.push({ name: file.name, identity: undefined, run, isFile: true });
  }
  return tasks;
}

/**
 * Runs every task, and retries those that were blocked or too slow until there is no more progress. Returns those that held
 * their locks for too long every time.
 */
async function runAll(
  db: Queryable,
  tasks: Task[],
  result: Rehearsed,
  call: Pick<Call, "signal" | "report">,
  patience: number,
): Promise<Task[]> {
  const late: Task[] = [];
  let waiting = tasks;
  let delay = roundDelay.first;
  let done = 0;
  let progressed = Date.now();
  for (let round = 0; ; round++) {
    const left: { task: Task; missed: Missed | undefined }[] = [];
    for (const task of waiting) {
      refuseCancelled(call.signal);
      try {
        await task.run();
      } catch (error) {
        if (error instanceof Blocked) left.push({ task, missed: await locked(db, task, error) });
        else if (error instanceof HeldTooLong && round < retriesTooLong) left.push({ task, missed: undefined });
        else if (error instanceof HeldTooLong) late.push(task);
        else if (task.object && isGone(error)) call.report.progress(`${task.name}: dropped by another session`);
        else throw explain(`cannot rehearse ${task.name}`, error);
        continue;
      }
      done++;
      progressed = Date.now();
      call.report.progress(`rehearsed ${done} of ${tasks.length}: ${task.name}`);
    }
    const isOver = Date.now() - progressed > patience;
    if (isOver) {
      result.missed.push(...left.flatMap(({ missed }) => missed ?? []));
      late.push(...left.filter(({ missed }) => !missed).map(({ task }) => task));
      return late;
    }
    waiting = left.map(({ task }) => task);
    if (waiting.length === 0) return late;
    call.report.progress(
      `rehearsed ${done} of ${tasks.length}; waiting for ${waiting.length} that other sessions lock`,
    );
    await sleep(delay, undefined, { signal: call.signal }).catch(() => refuseCancelled(call.signal));
    delay = Math.min(delay * 2, roundDelay.most);
  }
}

async function locked(db: Queryable, { name, identity }: Task, error: Blocked): Promise<Missed> {
  const holders = identity === undefined ? "" : await lockHolders(db, identity);
  return {
    object: name,
    reason: `it, or a relation that it reads, is locked by ${holders || "another session"}: ${error.message}`,
    remedy: "Let that session end, or rehearse at a time of low load.",
  };
}

function tooLong(object: string): Missed {
  return {
    object,
    reason: "its locks would be held for too long, including the waits",
    remedy: "Rehearse it on a copy of the database, or at a time of low load; the up itself has no such limit.",
  };
}

function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new Error("cancelled; the whole rehearsal was rolled back");
}
