/** Relations that a statement names; more are left to --verbose. */
const mostNames = 20;

/**
 * The statements that revoke privileges on relations, one for each set of privileges.
 *
 * @param held relation, quoted, to its privileges, such as `INSERT` or `UPDATE ("note")`
 * @param from `PUBLIC` or a quoted role
 */
export function revocation(database: string, held: Map<string, string[]>, from: string): string {
  if (held.size > mostNames) {
    return `in ${database}: REVOKE … ON … FROM ${from}, for each of the ${held.size} relations that --verbose lists`;
  }
  const byPrivileges = Map.groupBy([...held], ([, privileges]) => privileges.toSorted().join(", "));
  const statements = [...byPrivileges].map(
    ([privileges, relations]) => `REVOKE ${privileges} ON ${relations.map(([name]) => name).join(", ")} FROM ${from}`,
  );
  return `in ${database}: ${statements.join("; ")}`;
}
