import { loadModule } from "libpg-query";
import type { Call, Effects, NamedUse } from "../statements/effects.ts";
import { effectsNow, type ReadStatement, UnparsableStatement } from "../statements/effects-of.ts";
import type { NodeName } from "../statements/nodes.ts";
import { isTemporaryName } from "../statements/passing-names.ts";

/** How a recorded statement is tried without being run. */
export interface Trial {
  /** A statement for EXPLAIN, which checks privileges on tables and functions. Undefined: it cannot be explained. */
  explain?: string | undefined;
  /** The number of $1, $2, ... in it. */
  parameters: number;
  /** What EXPLAIN does not check, or all needs of a statement that cannot be explained. */
  uses: NamedUse[];
  /** Procedures. */
  calls: Call[];
}

/** The trials of one recorded text, and why parts of it are not tried. Statements about the session itself need none. */
export interface Trials {
  trials: Trial[];
  untried: string[];
}

const explained = new Set<NodeName>(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);
/** Explained too, unless they create what stays. */
const explainedIfTemporary = new Set<NodeName>(["DeclareCursorStmt", "CreateTableAsStmt"]);
const checked = new Set<NodeName>(["CopyStmt", "TruncateStmt", "LockStmt", "CallStmt", "ExplainStmt"]);

/** What only the sessions of the statements had. */
export interface SessionNames {
  /** Names of PREPARE whose statement was recorded, and is tried there. */
  prepared: ReadonlySet<string>;
  /** Temporary tables. */
  temporary: ReadonlySet<string>;
}

export async function trialsOf(sql: string, names: SessionNames): Promise<Trials> {
  await loadModule();
  return read(sql, names);
}

function read(sql: string, names: SessionNames): Trials {
  try {
    const all = effectsNow(sql, new Set()).map((each) => ofStatement(each, names));
    return { trials: all.flatMap(({ trials }) => trials), untried: all.flatMap(({ untried }) => untried) };
  } catch (error) {
    if (error instanceof UnparsableStatement) return untriedFor("it cannot be parsed");
    throw error;
  }
}

function ofStatement({ type, text, effects }: ReadStatement, names: SessionNames): Trials {
  const { calls, ddl, bodies, prepares, executes } = effects;
  if (prepares) return read(prepares.sql, names);
  if (executes !== undefined && !names.prepared.has(executes)) return untriedFor("its PREPARE was not recorded");
  const uses = effects.uses.filter(({ object }) => !isTemporaryName(object, names));
  if (ddl.some(({ isTemporary, object }) => !isTemporary && !isTemporaryName(object, names))) {
    return untriedFor("DDL is not tried: its locks would block the services");
  }
  if (bodies.length > 0) return untriedFor("DO is not tried: it would have to run");
  if (uses.some(({ privilege }) => ["OWNER", "MAINTAIN", "VACUUM"].includes(privilege))) {
    return untriedFor("what takes the ownership is not tried: no object changes its owner in a replay");
  }
  if (type === "CopyStmt" && effects.unknown[0] !== undefined) return untriedFor(effects.unknown[0]);
  // A statement on a temporary table, which a replay does not have, cannot be explained.
  const hasTemporary = uses.length < effects.uses.length;
  const isExplained = explained.has(type) || explainedIfTemporary.has(type);
  if (isExplained && !hasTemporary) return tried(explain(text, effects));
  if (!isExplained && !checked.has(type)) return { trials: [], untried: [] };
  return tried({
    parameters: 0,
    uses: uses.filter(({ certainty }) => certainty === "certain"),
    calls: calls.filter(({ isProcedure }) => isProcedure),
  });
}

function explain(text: string, { uses }: Effects): Trial {
  const parameters = Math.max(0, ...[...text.matchAll(/\$(\d{1,5})/g)].map(([, number]) => Number(number)));
  // The executor does not open sequences: nextval checks them when it runs.
  return { explain: text, parameters, uses: uses.filter(({ kind }) => kind === "sequence"), calls: [] };
}

function tried(trial: Trial): Trials {
  return { trials: [trial], untried: [] };
}

function untriedFor(reason: string): Trials {
  return { trials: [], untried: [reason] };
}
