import type { Statement } from "../evidence.ts";

/** The most names that are listed. */
const mostNames = 3;

/**
 * The problems of statements whose user or database the server does not have: their lines were written with another
 * log_line_prefix, so that a part of it was read as the name, or by another server, or the role or database was dropped.
 */
export function unknownNames(statements: Statement[], databases: string[], roles: string[]): string[] {
  return [
    ...problemsOf(
      "database",
      unknownIn(statements, ({ database }) => database, databases),
    ),
    ...problemsOf(
      "user",
      unknownIn(statements, ({ user }) => user, roles),
    ),
  ];
}

/** The names that are not among the known ones, with how many statements have them. */
function unknownIn(
  statements: Statement[],
  nameOf: (statement: Statement) => string,
  names: string[],
): Map<string, number> {
  const known = new Set(names);
  const counts = new Map<string, number>();
  for (const statement of statements) {
    const name = nameOf(statement);
    if (!known.has(name)) counts.set(name, (counts.get(name) ?? 0) + statement.count);
  }
  return counts;
}

function problemsOf(what: "database" | "user", counts: Map<string, number>): string[] {
  if (counts.size === 0) return [];
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const mostFirst = [...counts].toSorted(([, a], [, b]) => b - a).map(([name]) => `"${name}"`);
  const more = counts.size > mostNames ? ` and ${counts.size - mostNames} more` : "";
  return [
    `${total} logged ${total === 1 ? "statement is" : "statements are"} of a ${what} that the server does not have (${mostFirst.slice(0, mostNames).join(", ")}${more}): the log was written with another log_line_prefix, or by another server, or the ${what} was dropped. Give --log only the files written since then`,
  ];
}
