import { hasSqlDetails, loadModule, type Node, parseSync } from "libpg-query";
import { alterations } from "./alterations.ts";
import { Collector } from "./collector.ts";
import { commands } from "./commands.ts";
import type { StatementContext } from "./context.ts";
import { createAs, definitions } from "./definitions.ts";
import type { Effects } from "./effects.ts";
import { asNode, handle, type NodeName } from "./nodes.ts";
import { QueryReader } from "./queries.ts";
import { Scope } from "./scope.ts";
import { sessionStatements } from "./session-statements.ts";
import { superuserStatements } from "./superuser-statements.ts";

/** A text that is not SQL as PostgreSQL 18 parses it. */
export class UnparsableStatement extends Error {
  /** In characters; starts at 1. Undefined: not known. */
  readonly position: number | undefined;

  constructor(message: string, position: number | undefined) {
    super(message);
    this.position = position;
  }
}

/**
 * What each statement of a text does. Throws UnparsableStatement.
 *
 * @param variables names that are no columns: the parameters of the function whose body it is
 */
export async function effectsOf(sql: string, variables: ReadonlySet<string> = new Set()): Promise<Effects[]> {
  await loadModule();
  return effectsNow(sql, variables).map(({ effects }) => effects);
}

/** One statement of a text. */
export interface ReadStatement {
  /** The parser's name of it: `SelectStmt`. */
  type: NodeName;
  text: string;
  effects: Effects;
}

/** Each statement of a text with what it does. The parser must be loaded. Throws UnparsableStatement. */
export function effectsNow(sql: string, variables: ReadonlySet<string>): ReadStatement[] {
  try {
    return statementsOf(sql).map(({ stmt, text }) => {
      const effects = readStatement(stmt, text, new Scope(undefined, variables));
      return { type: Object.keys(stmt)[0] as NodeName, text, effects };
    });
  } catch (error) {
    if (error instanceof RangeError) throw new UnparsableStatement("it is nested too deeply", undefined);
    throw error;
  }
}

function statementsOf(sql: string): { stmt: Node; text: string }[] {
  if (sql === "") return [];
  try {
    // The parser counts in bytes.
    const bytes = Buffer.from(sql);
    return (parseSync(sql).stmts ?? []).flatMap(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
      const text = bytes.subarray(start, length ? start + length : undefined).toString();
      return stmt ? [{ stmt, text }] : [];
    });
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const at = error.sqlDetails?.cursorPosition;
    throw new UnparsableStatement(error.message, at === undefined || at < 0 ? undefined : at + 1);
  }
}

function readStatement(statement: Node, text: string, scope: Scope): Effects {
  const collector = new Collector();
  const queries = new QueryReader(collector, (sql) => {
    const before = collector.certainty;
    collector.certainty = "likely";
    try {
      for (const { stmt } of statementsOf(sql)) read(stmt);
    } catch (error) {
      if (!(error instanceof UnparsableStatement)) throw error;
      collector.unknown("SQL in a string cannot be parsed");
    }
    collector.certainty = before;
  });
  const read = (node: Node | undefined) => {
    if (!node) return;
    const into = asNode("SelectStmt", node)?.intoClause;
    if (into) createAs(into, "TABLE AS", false, context);
    if (queries.read(node, scope) || handle(node, handlers)) return;
    collector.unknown(`statements of this type are not known: ${Object.keys(node)[0]}`);
  };
  const context: StatementContext = { collector, queries, text, read };
  const handlers = {
    ...sessionStatements(context),
    ...commands(context),
    ...definitions(context),
    ...alterations(context),
    ...superuserStatements(context),
  };
  read(statement);
  return collector.finish();
}
