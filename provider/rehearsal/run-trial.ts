import { escapeIdentifier, escapeLiteral } from "pg";
import { describe, statements } from "../ownership/moves.ts";
import { codeOf, type Queryable } from "../postgres/connection.ts";
import { isGone } from "../postgres/gone.ts";
import type { Installation } from "../postgres/timescale.ts";
import type { RehearsalGoal } from "./goal.ts";
import { missedBy, type Prerequisite } from "./prerequisites.ts";
import { remedyFor } from "./remedy.ts";
import type { Failed, Rehearsed } from "./result.ts";
import type { RehearsedRoles } from "./roles.ts";
import { rolledBack, type Transaction } from "./rolled-back.ts";
import type { Check, Trial } from "./trials.ts";

/** What every trial of a database needs. */
export interface Stage {
  goal: RehearsalGoal;
  roles: RehearsedRoles;
  prerequisites: Prerequisite[];
  timescale: Installation | undefined;
  /** Milliseconds for which one transaction may hold its locks. */
  holdCap: number;
}

/** Where a trial stands: one that was stopped by another session goes on from there. */
export interface Progress {
  trial: Trial;
  /** Checks that were made. */
  made: number;
  hasMoved: boolean;
}

/** Moves the object, makes its checks, and takes all back. Throws Blocked and HeldTooLong; `progress` says how far it came. */
export async function runTrial(db: Queryable, stage: Stage, progress: Progress, result: Rehearsed): Promise<void> {
  const { move, checks, schema, name } = progress.trial;
  const own = stage.prerequisites.filter(
    (one) => one.kind === "privilege" && (one.isSchema ? one.name === schema : one.object === name),
  );
  do {
    await rolledBack(db, stage.roles.statements, stage.holdCap, result, async (transaction) => {
      const refusal = move && (await takeOver(transaction, statements(move, stage.timescale)));
      // What another session has dropped or renamed meanwhile is no object of the up any more.
      if (refusal && isGone(refusal)) {
        progress.made = checks.length;
        return;
      }
      if (move && refusal) {
        result.failed.push(failed(stage.goal, progress.trial, { name: describe(move), as: move.to }, refusal));
        progress.made = checks.length;
        return;
      }
      if (move && !progress.hasMoved) {
        progress.hasMoved = true;
        result.moved++;
      }
      if (own.length > 0) await transaction.run(own.map(({ sql }) => sql).join("; "));
      const given = new Set(own);
      for (let first = true; progress.made < checks.length; first = false) {
        if (!first && transaction.isLate) return;
        const check = checks[progress.made] as Check;
        const refused = await withPrerequisites(transaction, stage.prerequisites, given, () =>
          attempt(transaction, stage, check),
        );
        result.checks++;
        progress.made++;
        if (refused && isGone(refused) && (await hasGone(transaction, progress.trial))) {
          progress.made = checks.length;
          return;
        }
        const verdict = judge(stage.goal, progress.trial, check, refused);
        if (verdict) (check.isAdvisory ? result.warned : result.failed).push(verdict);
      }
    });
  } while (progress.made < checks.length);
}

/** A relation's name stands for itself in its checks; of other objects only the move is tried. */
async function hasGone(transaction: Transaction, { isSchema, identity }: Trial): Promise<boolean> {
  if (isSchema || identity === undefined) return false;
  const [row] = await transaction.ask<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [identity]);
  return row?.there === false;
}

async function takeOver(transaction: Transaction, [first, ...rest]: string[]): Promise<Error | undefined> {
  return transaction.attempt(async () => {
    if (first !== undefined) await transaction.run(first);
    transaction.holds();
    if (rest.length > 0) await transaction.run(rest.join("; "));
  }, true);
}

/** Repeats what Postgres refuses for as long as it misses something that the plan brings. */
export async function withPrerequisites(
  transaction: Transaction,
  prerequisites: Prerequisite[],
  given: Set<Prerequisite>,
  work: () => Promise<Error | undefined>,
): Promise<Error | undefined> {
  for (;;) {
    const refused = await work();
    const missed = refused ? missedBy(refused, prerequisites).filter((one) => !given.has(one)) : [];
    const [first, ...others] = missed;
    if (!first) return refused;
    await transaction.run(first.sql);
    transaction.holds();
    if (others.length > 0) await transaction.run(others.map(({ sql }) => sql).join("; "));
    for (const one of missed) given.add(one);
  }
}

/** The check with the role's settings, as the role. */
function attempt(transaction: Transaction, { roles }: Stage, { as, sql }: Check): Promise<Error | undefined> {
  return transaction.attempt(() => transaction.run([...asRole(as, roles), sql].join("; ")));
}

/** Statements that make the rest of a subtransaction a session of the role's. */
function asRole(role: string, { settings }: RehearsedRoles): string[] {
  return [...settingsOf(role, settings), `SET LOCAL ROLE ${escapeIdentifier(role)}`];
}

export function settingsOf(role: string, settings: RehearsedRoles["settings"]): string[] {
  return (settings.get(role) ?? []).map(
    ([name, value]) => `SELECT set_config(${escapeLiteral(name)}, ${escapeLiteral(value)}, true)`,
  );
}

function judge(goal: RehearsalGoal, trial: Trial, check: Check, refused: Error | undefined): Failed | undefined {
  if (check.expected === "allowed") return refused && failed(goal, trial, check, refused);
  if (codeOf(refused) === "42501") return undefined; // insufficient_privilege
  if (refused) return failed(goal, trial, check, refused);
  return {
    object: trial.name,
    check: check.name,
    code: undefined,
    message: `Postgres allows it, though ${check.as} is a reader`,
    remedy: `Find who grants it, PUBLIC or a role that ${check.as} is a member of, and REVOKE it; or declare ${check.as} a writer.`,
  };
}

function failed(goal: RehearsalGoal, { name }: Trial, check: Pick<Check, "name" | "as">, error: Error): Failed {
  const code = codeOf(error);
  return { object: name, check: check.name, code, message: error.message, remedy: remedyFor(error, check.as, goal) };
}
