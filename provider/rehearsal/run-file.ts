import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";
import { codeOf, type Queryable } from "../postgres/connection.ts";
import type { SqlFile } from "./goal.ts";
import { remedyFor } from "./remedy.ts";
import type { Failed, Rehearsed } from "./result.ts";
import { NotRolledBack, rolledBack, type Transaction } from "./rolled-back.ts";
import { type Stage, settingsOf, withPrerequisites } from "./run-trial.ts";
import type { FileStatement } from "./sql-file.ts";

/**
 * Runs a file's statements as the owner, in one transaction that is rolled back; ends at the first that Postgres
 * refuses. Each goes through a SECURITY DEFINER function of the owner's: inside one Postgres lets no statement, not even
 * dynamic SQL in a DO block, change the role or end the transaction. Throws Blocked and HeldTooLong.
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
  const gate = `pg_temp.${escapeIdentifier(`app_roles_${randomBytes(6).toString("hex")}`)}`;
  const prelude = [...stage.roles.statements, ...makeGate(gate, owner)];
  await rolledBack(db, prelude, stage.holdCap, result, async (transaction) => {
    const settings = settingsOf(owner, stage.roles.settings).join("; ");
    const wrong = await transaction.attempt(() => transaction.run(settings), true);
    if (wrong) {
      refused = failed(name, `the settings of ${owner}`, wrong);
      return;
    }
    const before = await whereabouts(transaction);
    // Postgres leaves a schema that may not be used out of the search_path, without a word.
    const given = new Set(stage.prerequisites.filter(({ isSchema }) => isSchema));
    if (given.size > 0) {
      await transaction.run([...given].map((one) => one.sql).join("; "));
      transaction.holds();
    }
    for (const { sql, line } of [...statements, atCommit(statements)]) {
      const error = await withPrerequisites(transaction, stage.prerequisites, given, () =>
        transaction.attempt(() => transaction.ask(`SELECT ${gate}($1)`, [sql]), true),
      );
      transaction.holds();
      checks++;
      const after = await whereabouts(transaction);
      if (after !== before) throw new NotRolledBack(`${name} line ${line} left its guards (${before}, now ${after})`);
      if (!error) continue;
      refused = failed(`${name} line ${line}`, `${firstWords(sql)} as ${owner}`, error);
      return;
    }
  });
  result.checks += checks;
  if (refused) result.failed.push(refused);
}

const noTransaction =
  "It cannot be rehearsed: it cannot run in a transaction that is rolled back. Leave it out of the file.";
const remedies: Record<string, string> = {
  "25001": noTransaction, // active_sql_transaction
  "2D000": noTransaction, // invalid_transaction_termination
  "0A000": noTransaction, // feature_not_supported: transaction commands in EXECUTE
};

function makeGate(gate: string, owner: string): string[] {
  return [
    `CREATE FUNCTION ${gate}(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE $1; END'`,
    `ALTER FUNCTION ${gate}(text) OWNER TO ${escapeIdentifier(owner)}`,
  ];
}

/** What is only looked at by COMMIT, which never comes. */
function atCommit(statements: FileStatement[]): FileStatement {
  return { sql: "SET CONSTRAINTS ALL IMMEDIATE", line: statements.at(-1)?.line ?? 1 };
}

/** Transaction and role: the same before and after every statement. */
async function whereabouts(transaction: Transaction): Promise<string> {
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
