import type { Node, SelectStmt } from "libpg-query";
import { asNode, strings } from "./nodes.ts";
import type { Scope } from "./scope.ts";

/** The columns of a query's result. */
export interface OutputNames {
  /** In their order. Undefined: not all are known, since `*` stands for columns of a table. */
  known: string[] | undefined;
  all: Set<string>;
}

export function outputNames({ valuesLists, targetList = [] }: SelectStmt, scope: Scope): OutputNames {
  const [row] = valuesLists ?? [];
  if (row) {
    const known = (asNode("List", row)?.items ?? []).map((_, index) => `column${index + 1}`);
    return { known, all: new Set() };
  }
  const names = targetList.map((target) => namesOf(target, scope));
  const known = names.includes(undefined) ? undefined : names.flatMap((each) => each ?? []);
  // Only names that the query itself gives: a plain column stays a column.
  const all = new Set(targetList.flatMap((target) => asNode("ResTarget", target)?.name ?? []));
  return { known, all };
}

function namesOf(target: Node, scope: Scope): string[] | undefined {
  const { name, val } = asNode("ResTarget", target) ?? {};
  if (name !== undefined) return [name];
  const column = asNode("ColumnRef", val);
  if (!column?.fields?.some((field) => "A_Star" in field)) return [nameOf(val)];
  const [qualifier] = strings(column.fields).slice(-1);
  const sources = scope.sources.filter((each) => qualifier === undefined || each.name === qualifier);
  return sources.some(({ table, columns }) => table || !columns)
    ? undefined
    : sources.flatMap(({ columns = [] }) => columns);
}

/** The name that Postgres gives to an expression without one. */
function nameOf(expression: Node | undefined): string {
  const column = asNode("ColumnRef", expression);
  if (column) return strings(column.fields).at(-1) ?? "";
  const call = asNode("FuncCall", expression);
  if (call) return strings(call.funcname).at(-1) ?? "";
  const cast = asNode("TypeCast", expression);
  if (cast) {
    const inner = nameOf(cast.arg);
    return inner === unnamed ? (strings(cast.typeName?.names).at(-1) ?? unnamed) : inner;
  }
  const field = strings(asNode("A_Indirection", expression)?.indirection).at(-1);
  if (field !== undefined) return field;
  if (asNode("CoalesceExpr", expression)) return "coalesce";
  if (asNode("CaseExpr", expression)) return "case";
  if (asNode("RowExpr", expression)) return "row";
  if (asNode("A_ArrayExpr", expression)) return "array";
  const link = asNode("SubLink", expression);
  if (link?.subLinkType === "EXISTS_SUBLINK") return "exists";
  if (link?.subLinkType === "ARRAY_SUBLINK") return "array";
  const [first] = asNode("SelectStmt", link?.subselect)?.targetList ?? [];
  const inner = asNode("ResTarget", first);
  return inner ? (inner.name ?? nameOf(inner.val)) : unnamed;
}

const unnamed = "?column?";
