import { inOneLine, sqlName } from "./sql-name.ts";

/** Privileges on a relation that somebody should not have. */
export interface Revoked {
  /** The relation, quoted. */
  relation: string;
  owner: string;
  /** `INSERT`, or of a column `UPDATE ("note")`. */
  privilege: string;
  grantor: string;
}

/** Statements in a fix; more are left to --verbose. */
const mostRelations = 20;

/**
 * What revokes privileges on relations: the fix, and the statements that are too long for it.
 *
 * @param from `PUBLIC` or a quoted role
 */
export function revocation(database: string, all: Revoked[], from: string): { fix: string; statements: string[] } {
  const statements = [...Map.groupBy(all, grantorOf)].flatMap(([grantor, held]) => {
    const revokes = revokeStatements(held, from);
    return grantor === "" ? revokes : [`SET ROLE ${sqlName(grantor)}`, ...revokes, "RESET ROLE"];
  });
  const relations = new Set(all.map(({ relation }) => relation)).size;
  if (relations <= mostRelations) return { fix: `in ${database}: ${statements.join("; ")}`, statements: [] };
  return { fix: `in ${database}: the statements for ${relations} relations that --verbose lists`, statements };
}

/** Only the grantor can revoke; a superuser acts as the owner. */
function grantorOf({ owner, grantor }: Revoked): string {
  return grantor === owner ? "" : grantor;
}

/** One for each set of privileges. */
function revokeStatements(held: Revoked[], from: string): string[] {
  const byRelation = [...Map.groupBy(held, ({ relation }) => relation)].map(
    ([relation, of]) => [relation, [...new Set(of.map(({ privilege }) => privilege))].toSorted().join(", ")] as const,
  );
  return [...Map.groupBy(byRelation, ([, privileges]) => privileges)].map(
    ([privileges, relations]) =>
      `REVOKE ${inOneLine(privileges)} ON ${relations.map(([relation]) => inOneLine(relation)).join(", ")} FROM ${from}`,
  );
}
