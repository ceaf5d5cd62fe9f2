import { codeOf, type Queryable } from "../postgres/connection.ts";
import { gateOf } from "./gate.ts";
import type { SqlFile } from "./goal.ts";
import type { Failed, Rehearsed } from "./result.ts";
import { NotRolledBack, rolledBack, type Transaction } from "./rolled-back.ts";
import { remedyFor, type Stage, settingsOf, withPrerequisites } from "./run-trial.ts";
import type { FileStatement } from "./sql-file.ts";

/**
 * Runs a file's statements as the owner in one transaction that is rolled back, up to the first refused statement. Each runs in
 * the owner's gate. Throws Blocked and HeldTooLong.
 */
export async function runFile(
  db: Queryable,
  stage: Stage,
  owner: string,
  { name }: SqlFile,
  statements: FileStatement[],
  result: Rehearsed,
): Promise<void> {
  let checks = 0;
  let refused: Failed | undefined;
  const failed = (object: string, check: string, error: Error): Failed => {
    const code = codeOf(error);
    const remedy = remedies[code ?? ""] ?? remedyFor(error, owner, stage.goal);
    return { object, check, code, message: error.message, remedy };
  };
  const gate = gateOf(owner);
  const prelude = [...stage.roles.statements, ...gate.statements];
  await rolledBack(db, prelude, stage.holdCap, result, async (transaction) => {
    const settings = settingsOf(owner, stage.roles.settings).join("; ");
    const wrong = await transaction.attempt(() => transaction.run(settings), true);
    if (wrong) {
      refused = failed(name, `the settings of ${owner}`, wrong);
      return;
    }
    const before = await identityOf(transaction);
    // Postgres silently omits schemas without USAGE from the search_path.
    const granted = new Set(stage.prerequisites.filter(({ isSchema }) => isSchema));
    if (granted.size > 0) {
      await transaction.run([...granted].map((one) => one.sql).join("; "));
      transaction.holds();
    }
    for (const { sql, line } of [...statements, atCommit(statements)]) {
      const error = await withPrerequisites(transaction, stage.prerequisites, granted, () =>
        transaction.attempt(() => transaction.ask(`SELECT ${gate.name}($1)`, [sql]), true),
      );
      transaction.holds();
      checks++;
      const after = await identityOf(transaction);
      if (after !== before)
        throw new NotRolledBack(`${name} line ${line} escaped the rehearsal (${before}, now ${after})`);
      if (!error) continue;
      refused = failed(`${name} line ${line}`, `${firstWords(sql)} as ${owner}`, error);
      return;
    }
  });
  result.checks += checks;
  if (refused) result.failed.push(refused);
}

const noTransaction =
  "It cannot be rehearsed, because it cannot run in a transaction that is rolled back. Remove it from the file.";
const remedies: Record<string, string> = {
  "25001": noTransaction, // active_sql_transaction
  "2D000": noTransaction, // invalid_transaction_termination
  "0A000": noTransaction, // feature_not_supported: transaction commands in EXECUTE
};

/** Checks deferred constraints, which otherwise only COMMIT would. */
function atCommit(statements: FileStatement[]): FileStatement {
  return { sql: "SET CONSTRAINTS ALL IMMEDIATE", line: statements.at(-1)?.line ?? 1 };
}

/** Transaction and roles, which no statement can change. */
async function identityOf(transaction: Transaction): Promise<string> {
  const [row] = await transaction.ask<{ id: string }>(
    "SELECT concat_ws(' ', 'transaction', pg_current_xact_id_if_assigned(), 'as', current_user, 'logged in as', session_user) AS id",
    [],
  );
  return row?.id ?? "";
}

function firstWords(sql: string): string {
  const line = sql.split("\n").join(" ").replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
