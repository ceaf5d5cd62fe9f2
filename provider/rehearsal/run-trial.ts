import { escapeIdentifier, escapeLiteral } from "pg";
import { yamlSchema } from "../../model/object-name.ts";
import { describe, statements } from "../ownership/moves.ts";
import { codeOf, type Queryable } from "../postgres/connection.ts";
import { isGone } from "../postgres/gone.ts";
import type { Installation } from "../postgres/timescale.ts";
import type { RehearsalGoal } from "./goal.ts";
import { missedBy, type Prerequisite } from "./prerequisites.ts";
import type { Failed, Rehearsed } from "./result.ts";
import type { RehearsedRoles } from "./roles.ts";
import { rolledBack, type Transaction } from "./rolled-back.ts";
import type { Check, Trial } from "./trials.ts";

/** Shared by all trials of a database. */
export interface Stage {
  goal: RehearsalGoal;
  roles: RehearsedRoles;
  prerequisites: Prerequisite[];
  timescale: Installation | undefined;
  /** Milliseconds for which a transaction can hold its locks. */
  holdCap: number;
}

/** Progress of a trial, which continues from here after another session blocked it. */
export interface Progress {
  trial: Trial;
  /** Completed checks. */
  made: number;
  hasMoved: boolean;
}

/** Moves the object, runs its checks and rolls back. Throws Blocked and HeldTooLong, with the completed part in `progress`. */
export async function runTrial(db: Queryable, stage: Stage, progress: Progress, result: Rehearsed): Promise<void> {
  const { move, checks, schema, name } = progress.trial;
  const own = stage.prerequisites.filter(
    (one) => one.kind === "privilege" && (one.isSchema ? one.name === schema : one.object === name),
  );
  do {
    await rolledBack(db, stage.roles.statements, stage.holdCap, result, async (transaction) => {
      const refusal = move && (await moveObject(transaction, statements(move, stage.timescale)));
      // An object that another session dropped or renamed meanwhile is not part of the up any more.
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
      const granted = new Set(own);
      for (let first = true; progress.made < checks.length; first = false) {
        if (!first && transaction.isLate) return;
        const check = checks[progress.made] as Check;
        const refused = await withPrerequisites(transaction, stage.prerequisites, granted, () =>
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

/** Only the checks of relations use the name of the object. */
async function hasGone(transaction: Transaction, { isSchema, identity }: Trial): Promise<boolean> {
  if (isSchema || identity === undefined) return false;
  const [row] = await transaction.ask<{ exists: boolean }>("SELECT to_regclass($1) IS NOT NULL AS exists", [identity]);
  return row?.exists === false;
}

async function moveObject(transaction: Transaction, [first, ...rest]: string[]): Promise<Error | undefined> {
  return transaction.attempt(async () => {
    if (first !== undefined) await transaction.run(first);
    transaction.holds();
    if (rest.length > 0) await transaction.run(rest.join("; "));
  }, true);
}

/** Repeats `work` while Postgres refuses it for lack of something that the up will grant. */
export async function withPrerequisites(
  transaction: Transaction,
  prerequisites: Prerequisite[],
  granted: Set<Prerequisite>,
  work: () => Promise<Error | undefined>,
): Promise<Error | undefined> {
  for (;;) {
    const refused = await work();
    const missed = refused ? missedBy(refused, prerequisites).filter((one) => !granted.has(one)) : [];
    const [first, ...others] = missed;
    if (!first) return refused;
    await transaction.run(first.sql);
    transaction.holds();
    if (others.length > 0) await transaction.run(others.map(({ sql }) => sql).join("; "));
    for (const one of missed) granted.add(one);
  }
}

/** Runs the check as the role, with its settings. */
function attempt(transaction: Transaction, { roles }: Stage, { as, sql }: Check): Promise<Error | undefined> {
  return transaction.attempt(() => transaction.run([...asRole(as, roles), sql].join("; ")));
}

/** Statements that make the rest of a subtransaction run like a session of the role. */
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
    message: `Postgres allows it, although ${check.as} is a reader`,
    remedy: `Find the grant, to PUBLIC or to a role that ${check.as} is a member of, and REVOKE it; or declare ${check.as} a writer.`,
  };
}

function failed(goal: RehearsalGoal, { name }: Trial, check: Pick<Check, "name" | "as">, error: Error): Failed {
  const code = codeOf(error);
  return { object: name, check: check.name, code, message: error.message, remedy: remedyFor(error, check.as, goal) };
}

/** Refusals of statements that only a superuser or the owner of a schema or extension can run; the up does not change these owners. */
const ofOtherOwners =
  /^(must be owner of (extension|schema)|permission denied to (create extension|change default privileges))/;

/** The remedy for a refused check, by SQLSTATE (PostgreSQL documentation, appendix A). */
export function remedyFor(error: Error, as: string, goal: RehearsalGoal): string {
  const code = codeOf(error);
  const config = `app-roles:databases.${goal.database}`;
  if (code === "42501" && ofOtherOwners.test(error.message)) {
    return `Let its owner or a superuser run this statement by itself, before the migrations that run as ${as}.`;
  }
  const [, schema] = /^permission denied for schema (.+)$/s.exec(error.message) ?? [];
  if (code === "42501" && schema !== undefined && !goal.schemas.includes(schema)) {
    const grants = `app-roles:roles.${as}.grants.${goal.database}.schemas`;
    return `Grant ${as} the missing privileges on the schema (alsoOwn does not): ${grants}: {${yamlSchema(schema)}: [USAGE, CREATE]}; CREATE only if it creates objects there, or runs CREATE TABLE IF NOT EXISTS for an existing one. Or add the schema to ${config}.schemas.`;
  }
  if (code === "42501" && as === goal.owner) {
    return `Grant ${as} the missing privilege (app-roles:roles.${as}.grants.${goal.database}), add the object to ${config}.schemas or .alsoOwn, or keep the owner of the object that needs it (${config}.keepOwner).`;
  }
  switch (code) {
    case "42501":
      return `Grant ${as} the missing privilege (app-roles:roles.${as}.grants.${goal.database}), or add the schema to ${config}.schemas.`;
    case "25006":
      return `Remove default_transaction_read_only from the settings of ${as} (app-roles:roles.${as}.settings).`;
    case "42704":
    case "42P01":
    case "42883":
    case "3F000":
      return "It does not exist, or is not in the search_path of the role: check the name and app-roles:roles.*.settings.";
    case "22023":
    case "55P02":
      return `Check the settings of ${as} (app-roles:defaults.settings, app-roles:roles.${as}.settings).`;
    default:
      return "Fix the cause that Postgres names, then rehearse again.";
  }
}
