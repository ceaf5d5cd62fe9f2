import { escapeIdentifier, escapeLiteral } from "pg";
import type { Gate } from "../../../provider/rehearsal/gate.ts";
import type { RehearsedRoles } from "../../../provider/rehearsal/roles.ts";
import type { Transaction } from "../../../provider/rehearsal/rolled-back.ts";
import { settingsOf } from "../../../provider/rehearsal/run-trial.ts";
import type { NamedUse, ObjectName } from "../statements/effects.ts";
import type { Trial } from "./trial.ts";

/** A role as the statement's session would be. */
export interface Session {
  role: string;
  settings: RehearsedRoles["settings"];
  /** Default: the role's own. */
  searchPath: string | undefined;
  /** Of the role. */
  gate: Gate;
}

/** Refused as Postgres would refuse the statement, if it ran. */
class Refused extends Error {
  readonly code = "42501"; // insufficient_privilege
}

/** Tries a statement as the role and undoes everything, the role included. Returns the error with which Postgres refuses it. */
export function attempt(
  transaction: Transaction,
  { role, settings, searchPath, gate }: Session,
  trial: Trial,
  hasGenericPlans: boolean,
): Promise<Error | undefined> {
  const path = searchPath === undefined ? [] : [`SELECT set_config('search_path', ${escapeLiteral(searchPath)}, true)`];
  return transaction.attempt(async () => {
    // PREPARE outlives a transaction.
    await transaction.run([...settingsOf(role, settings), ...path, "DEALLOCATE ALL"].join("; "));
    for (const sql of explanation(trial, hasGenericPlans)) await transaction.ask(`SELECT ${gate.name}($1)`, [sql]);
    if (trial.uses.length + trial.calls.length === 0) return;
    await transaction.run(`SET LOCAL ROLE ${escapeIdentifier(role)}`);
    for (const use of trial.uses) await requirePrivilege(transaction, use);
    for (const { function: procedure } of trial.calls) await requireExecute(transaction, procedure);
  });
}

/** Statements that plan without the values of parameters. */
function explanation({ explain, parameters }: Trial, hasGenericPlans: boolean): string[] {
  if (explain === undefined) return [];
  if (parameters === 0) return [`EXPLAIN ${explain}`];
  if (hasGenericPlans) return [`EXPLAIN (GENERIC_PLAN) ${explain}`];
  return [
    `PREPARE app_roles_replay AS ${explain}`,
    "SET LOCAL plan_cache_mode = force_generic_plan",
    `EXPLAIN EXECUTE app_roles_replay(${Array.from({ length: parameters }, () => "NULL").join(", ")})`,
  ];
}

async function requirePrivilege(transaction: Transaction, use: NamedUse): Promise<void> {
  const { kind, privilege, columns } = use;
  const name = quoted(use.object);
  if (kind !== "table" && kind !== "sequence") return;
  const object = use.ofColumn === undefined ? "$1" : "pg_get_serial_sequence($1, $3)";
  const sql =
    kind === "sequence"
      ? `SELECT has_sequence_privilege(${object}, $2) AS held`
      : columns
        ? "SELECT bool_and(has_column_privilege($1, name, $2)) AS held FROM unnest($3::text[]) AS name"
        : "SELECT has_table_privilege($1, $2) AS held";
  const third = kind === "sequence" ? use.ofColumn : columns;
  const [row] = await transaction.ask<{ held: boolean }>(sql, [
    name,
    privilege,
    ...(third === undefined ? [] : [third]),
  ]);
  if (row?.held === false) throw new Refused(`permission denied for ${kind} ${use.object.name}`);
}

async function requireExecute(transaction: Transaction, { schema, name }: ObjectName): Promise<void> {
  const [row] = await transaction.ask<{ held: boolean | null }>(
    `SELECT bool_or(has_function_privilege(p.oid, 'EXECUTE')) AS held
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prokind = 'p' AND p.proname = $1 AND (n.nspname = $2 OR $2 IS NULL AND pg_function_is_visible(p.oid))`,
    [name, schema ?? null],
  );
  if (row?.held === false) throw new Refused(`permission denied for procedure ${name}`);
}

function quoted({ schema, name }: ObjectName): string {
  return [...(schema === undefined ? [] : [schema]), name].map(escapeIdentifier).join(".");
}
