import { movesTowards, schemasOf } from "../../../provider/ownership/moves.ts";
import { readOwnedObjects } from "../../../provider/ownership/objects.ts";
import { codeOf, type Queryable } from "../../../provider/postgres/connection.ts";
import { type Gate, gateOf } from "../../../provider/rehearsal/gate.ts";
import type { RehearsalGoal } from "../../../provider/rehearsal/goal.ts";
import { type Prerequisite, plannedOwnership, plannedPrivileges } from "../../../provider/rehearsal/prerequisites.ts";
import { type RehearsedRoles, readRoles } from "../../../provider/rehearsal/roles.ts";
import { Blocked, HeldTooLong, rolledBack, type Transaction } from "../../../provider/rehearsal/rolled-back.ts";
import { withPrerequisites } from "../../../provider/rehearsal/run-trial.ts";
import type { Replayed, Statement, Unknown, Use } from "../evidence.ts";
import { effectsOf, UnparsableStatement } from "../statements/effects-of.ts";
import { hasConstants, normalize, shapeOf } from "../statements/normalize.ts";
import { passingNames } from "../statements/passing-names.ts";
import { attempt, type Session } from "./attempt.ts";
import { type Trial, trialsOf } from "./trial.ts";
import { usageOf } from "./usage.ts";

/** What was recorded of the services of one role. */
export interface Recorded {
  role: string;
  statements: Statement[];
  /** What the statements need, by the catalog. */
  uses: Use[];
}

/** A trial with the statement that it is of. */
interface Step {
  trial: Trial;
  statement: Statement;
}

/** Milliseconds for a transaction. It has the locks of an EXPLAIN only. */
const longest = 1000;

/**
 * Tries recorded statements as the roles that are to have them, in transactions that are rolled back: as roles with the privileges
 * that an up of `goal` would grant. No statement is run: queries are explained, other statements are checked by their privileges.
 * `db` must be a superuser's session that can write.
 */
export async function replay(db: Queryable, goal: RehearsalGoal, recorded: Recorded[]): Promise<Replayed> {
  const roles = await readRoles(db, goal);
  const hasGenericPlans = await supportsGenericPlans(db);
  const result: Replayed = { database: goal.database, tried: 0, denied: [], untried: [], usage: [] };
  for (const { role, statements, uses } of recorded) {
    const steps = await stepsOf(statements, result.untried);
    const prerequisites = await privilegesOf(db, goal, role);
    await run(db, { roles, prerequisites, hasGenericPlans, role }, steps, result);
    result.usage.push(await usageOf(db, goal, role, uses));
  }
  return result;
}

async function supportsGenericPlans(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ supports: boolean }>(
    "SELECT current_setting('server_version_num')::int >= 160000 AS supports",
  );
  return rows[0]?.supports ?? false;
}

/** One step for each different statement. */
async function stepsOf(statements: Statement[], untried: Unknown[]): Promise<Step[]> {
  const steps: Step[] = [];
  const names = {
    prepared: new Set(statements.flatMap(({ text }) => /^\s*PREPARE\s+"?(\w+)/i.exec(text)?.[1] ?? [])),
    temporary: await temporaryTables(statements),
  };
  const groups = Map.groupBy(statements, ({ text, searchPath }) => JSON.stringify([shapeOf(text), searchPath]));
  for (const [first, ...others] of groups.values()) {
    if (!first) continue;
    const statement = { ...first, count: others.reduce((sum, { count }) => sum + count, first.count) };
    const found = await trialsOf(statement.text, names);
    for (const trial of found.trials) steps.push({ trial, statement });
    for (const reason of found.untried) untried.push(unknown(statement, reason));
  }
  return steps;
}

async function temporaryTables(statements: Statement[]): Promise<Set<string>> {
  const names = new Set<string>();
  for (const { text } of statements) {
    if (!/\btemp/i.test(text)) continue;
    try {
      for (const name of passingNames(await effectsOf(text)).temporary) names.add(name);
    } catch (error) {
      if (!(error instanceof UnparsableStatement)) throw error;
    }
  }
  return names;
}

function unknown({ text, count, at }: Statement, reason: string): Unknown {
  return { reason, example: normalize(text), count, ...(at && { last: at }) };
}

/** The privileges that the up would grant to the role; of the owner also those that come with its objects. */
async function privilegesOf(db: Queryable, goal: RehearsalGoal, role: string): Promise<Prerequisite[]> {
  const own = { ...goal, roles: goal.roles.filter((each) => each.role === role) };
  const planned = await plannedPrivileges(db, own);
  if (role !== goal.owner) return planned;
  const ownership = { ...goal, owner: role, roles: goal.roles.map((each) => each.role) };
  const moves = movesTowards(ownership, await readOwnedObjects(db, schemasOf(ownership)));
  const moved = plannedOwnership(
    moves.filter(({ to }) => to === role),
    new Map(),
    undefined,
    new Map(),
  );
  return [...planned, ...moved.filter(({ kind }) => kind === "privilege")];
}

interface Stage {
  role: string;
  roles: RehearsedRoles;
  prerequisites: Prerequisite[];
  hasGenericPlans: boolean;
}

async function run(db: Queryable, stage: Stage, steps: Step[], result: Replayed): Promise<void> {
  let next = 0;
  while (next < steps.length) {
    const first = next;
    try {
      const gate = gateOf(stage.role);
      const prelude = [...stage.roles.statements, ...gate.statements];
      await rolledBack(db, prelude, longest, { longestHold: 0 }, async (transaction) => {
        // Postgres silently omits schemas without USAGE from the search_path.
        const granted = new Set(stage.prerequisites.filter(({ isSchema }) => isSchema));
        if (granted.size > 0) await transaction.run([...granted].map(({ sql }) => sql).join("; "));
        for (; next < steps.length && (next === first || !transaction.isLate); next++) {
          await take(transaction, { ...stage, gate }, granted, steps[next] as Step, result);
        }
      });
    } catch (error) {
      if (!(error instanceof Blocked || error instanceof HeldTooLong)) throw error;
      // Once more, with the whole time.
      if (error instanceof HeldTooLong && next > first) continue;
      const { statement } = steps[next] as Step;
      const reason =
        error instanceof Blocked ? "another session has locked what it uses" : "planning it takes too long";
      result.untried.push(unknown(statement, reason));
      next++;
    }
  }
}

async function take(
  transaction: Transaction,
  { role, roles, prerequisites, hasGenericPlans, gate }: Stage & { gate: Gate },
  granted: Set<Prerequisite>,
  { trial, statement }: Step,
  result: Replayed,
): Promise<void> {
  const session: Session = { role, settings: roles.settings, searchPath: statement.searchPath, gate };
  const refused = await withPrerequisites(transaction, prerequisites, granted, () =>
    attempt(transaction, session, trial, hasGenericPlans),
  );
  const code = codeOf(refused);
  if (refused && code !== "42501") {
    const reason = `Postgres refuses it for another reason: ${messageOf(refused, statement)} (${code})`;
    result.untried.push(unknown(statement, reason));
    return;
  }
  result.tried++;
  if (!refused) return;
  const { example, count } = unknown(statement, "");
  result.denied.push({ role, example, message: messageOf(refused, statement), code: "42501", count });
}

/** Postgres quotes constants of the statement in some messages, and they can be secrets. */
function messageOf({ message }: Error, { text }: Statement): string {
  if (/^permission denied for \w/.test(message) || !hasConstants(text)) return message;
  return "its message is not printed, since it can quote a constant of the statement";
}
