import { loadModule, parsePlPgSQLSync } from "libpg-query";
import type { Effects } from "./effects.ts";
import { emptyHabits } from "./effects.ts";
import { effectsNow, UnparsableStatement } from "./effects-of.ts";

/** An expression as the parser of PL/pgSQL returns it. */
interface Expression {
  query: string;
  /** 0: a statement, 2: an expression, 3 and above: an assignment. */
  parseMode?: number;
}

/**
 * What the body of CREATE FUNCTION ... LANGUAGE plpgsql or DO does, for each of its statements and expressions. What is in a
 * branch counts like the rest. Throws UnparsableStatement.
 */
export async function effectsOfPlpgsql(sql: string): Promise<Effects[]> {
  await loadModule();
  const body = parsed(sql);
  const variables = new Set<string>();
  const expressions: { expression: Expression; isDynamic: boolean }[] = [];
  collect(body, (name, node) => {
    const { refname } = node as { refname?: string };
    if (refname !== undefined) variables.add(refname);
    if (name === "PLpgSQL_expr") expressions.push({ expression: node as unknown as Expression, isDynamic: false });
    const dynamic = dynamicParts[name];
    const computed = dynamic === undefined ? undefined : (node[dynamic] as { PLpgSQL_expr?: Expression } | undefined);
    if (computed?.PLpgSQL_expr) expressions.push({ expression: computed.PLpgSQL_expr, isDynamic: true });
  });
  return expressions.flatMap(({ expression, isDynamic }) =>
    isDynamic ? effectsOfDynamic(expression) : effectsOfExpression(expression, variables),
  );
}

/** Where statements have SQL that is computed. */
const dynamicParts: Record<string, string> = {
  PLpgSQL_stmt_dynexecute: "query",
  PLpgSQL_stmt_dynfors: "query",
  PLpgSQL_stmt_return_query: "dynquery",
  PLpgSQL_stmt_open: "dynquery",
};

const rowType = /(?:"[^"]+"|[\w$]+)(?:\s*\.\s*(?:"[^"]+"|[\w$]+))?\s*%\s*rowtype/gi;

function parsed(sql: string): unknown {
  try {
    // The parser has no catalog, so it knows no fields of a row type.
    return parsePlPgSQLSync(sql.replace(rowType, "record"));
  } catch (error) {
    throw new UnparsableStatement((error as Error).message, undefined);
  }
}

function collect(below: unknown, visit: (name: string, node: Record<string, unknown>) => void): void {
  if (Array.isArray(below)) for (const each of below) collect(each, visit);
  else if (typeof below === "object" && below !== null) {
    for (const [name, value] of Object.entries(below)) {
      if (name.startsWith("PLpgSQL_")) visit(name, value as Record<string, unknown>);
      collect(value, visit);
    }
  }
}

function effectsOfExpression({ query, parseMode = 0 }: Expression, variables: ReadonlySet<string>): Effects[] {
  if (parseMode === 1) return [];
  const assigned = query.search(/:?=/);
  const sql =
    parseMode === 0
      ? query
      : parseMode === 2
        ? `SELECT ${query}`
        : `SELECT ${query.slice(assigned + (query[assigned] === ":" ? 2 : 1))}`;
  return effectsNow(sql, variables).map(({ effects }) => effects);
}

function effectsOfDynamic({ query }: Expression): Effects[] {
  const constant = /^\s*'((?:[^']|'')*)'\s*$/.exec(query)?.[1];
  if (constant !== undefined) {
    try {
      return effectsNow(constant.replaceAll("''", "'"), new Set()).map(({ effects }) => effects);
    } catch (error) {
      if (!(error instanceof UnparsableStatement)) throw error;
    }
  }
  return [{ uses: [], calls: [], ddl: [], habits: emptyHabits(), bodies: [], unknown: ["dynamic EXECUTE"] }];
}
