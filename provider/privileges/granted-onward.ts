import { escapeIdentifier } from "pg";
import type { PrivilegePlan } from "./plan.ts";
import type { GrantableObject, Held } from "./table.ts";

/**
 * Reasons why Postgres would refuse the plan's revokes (2BP01, dependent_privileges_still_exist): a privilege that the role
 * granted onward can be revoked only after the privileges that depend on it. One line for each object and privilege, with the
 * statements that revoke them.
 */
export function grantedOnwardProblems({ revokes }: PrivilegePlan, objects: GrantableObject[], role: string): string[] {
  // Postgres revokes a table's privilege on its columns too.
  const columns = Map.groupBy(
    objects.filter(({ kind }) => kind === "column"),
    ({ target }) => target.name,
  );
  const problems = revokes.flatMap(({ place, held }) => {
    if (!("object" in place)) return []; // default privileges are granted by their creator alone
    const { object } = place;
    const parts = isTable(object) ? (columns.get(object.target.name) ?? []) : [];
    return [...new Set(held.map(({ privilege }) => privilege))].flatMap((privilege) =>
      [object, ...parts].flatMap((one) => {
        const revoked = one === object ? held : one.held.filter((each) => isRevokedWithTable(each, held));
        const grantees = dependents(one, privilege, revoked);
        return grantees.length > 0 ? [problem(one, privilege, grantees, role)] : [];
      }),
    );
  });
  return [...new Set(problems)]; // a column's privilege may be revoked both by itself and with its table's
}

function isTable({ kind, target }: GrantableObject): boolean {
  return target.keyword === "TABLE" && kind !== "column";
}

function isRevokedWithTable({ privilege, grantor }: Held, ofTable: Held[]): boolean {
  return ofTable.some((one) => one.privilege === privilege && one.grantor === grantor);
}

/** The grantees of the role, when it loses the grant option for the privilege. */
function dependents({ held, grantedOnward = [] }: GrantableObject, privilege: string, revoked: Held[]): string[] {
  const remains = held.filter((one) => !revoked.includes(one));
  if (remains.some((one) => one.privilege === privilege && one.grantable)) return [];
  if (!revoked.some((one) => one.privilege === privilege)) return [];
  return grantedOnward.filter((one) => one.privilege === privilege).map(({ grantee }) => grantee);
}

function problem(
  { key, column, target }: GrantableObject,
  privilege: string,
  grantees: string[],
  role: string,
): string {
  const what = column === undefined ? privilege : `${privilege} (${escapeIdentifier(column)})`;
  const from = grantees.map((grantee) => escapeIdentifier(grantee)).join(", ");
  const sql = `SET ROLE ${escapeIdentifier(role)}; REVOKE ${what} ON ${target.keyword} ${target.name} FROM ${from}; RESET ROLE;`;
  return `${privilege} on ${key} cannot be revoked from ${role}, which granted it onward to ${grantees.join(", ")}. First run: ${sql}`;
}
