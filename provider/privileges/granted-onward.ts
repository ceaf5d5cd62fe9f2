import { escapeIdentifier } from "pg";
import type { PrivilegePlan } from "./plan.ts";
import type { GrantableObject, Held } from "./table.ts";

/**
 * Why Postgres would refuse the plan's revokes (2BP01, dependent_privileges_still_exist; see REVOKE, RESTRICT): a privilege
 * that the role passed on goes only with, or after, what others have of it. One line for each object and privilege, with the
 * statements that end it.
 */
export function grantedOnwardProblems({ revokes }: PrivilegePlan, objects: GrantableObject[], role: string): string[] {
  const problems = revokes.flatMap(({ place, held }) => {
    if (!("object" in place)) return []; // default privileges are granted by their creator alone
    const { object } = place;
    return [...new Set(held.map(({ privilege }) => privilege))].flatMap((privilege) =>
      [object, ...columnsOf(object, objects)].flatMap((one) => {
        const goes = one === object ? held : one.held.filter((each) => isTakenAlong(each, held));
        const grantees = losers(one, privilege, goes);
        return grantees.length > 0 ? [problem(one, privilege, grantees, role)] : [];
      }),
    );
  });
  return [...new Set(problems)]; // a column's may go by itself and with its table's
}

/** With a table's privilege Postgres revokes those of its columns. */
function columnsOf({ kind, target }: GrantableObject, objects: GrantableObject[]): GrantableObject[] {
  if (target.keyword !== "TABLE" || kind === "column") return [];
  return objects.filter((object) => object.kind === "column" && object.target.name === target.name);
}

function isTakenAlong({ privilege, grantor }: Held, ofTable: Held[]): boolean {
  return ofTable.some((one) => one.privilege === privilege && one.grantor === grantor);
}

/** Who has the privilege from the role, when no right to grant it is left to the role. */
function losers({ held, grantedOnward = [] }: GrantableObject, privilege: string, goes: Held[]): string[] {
  const remains = held.filter((one) => !goes.includes(one));
  if (remains.some((one) => one.privilege === privilege && one.grantable)) return [];
  if (!goes.some((one) => one.privilege === privilege)) return [];
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
  return `${privilege} on ${key} cannot be taken from ${role}: it passed it on to ${grantees.join(", ")}. First: ${sql}`;
}
