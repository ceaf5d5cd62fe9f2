import { escapeIdentifier } from "pg";
import { listOf } from "../postgres/explain.ts";
import type { Place, PrivilegePlan } from "./plan.ts";
import type { GrantableObject, Held } from "./table.ts";

/** Maximum number of objects in one GRANT: large enough for speed, small enough for readable errors. */
const objectsPerStatement = 500;

/** One GRANT or REVOKE. */
export interface PrivilegeStatement {
  sql: string;
  /** Role to act as: only the grantor can revoke a privilege. Undefined: the owner of the object. */
  as: string | undefined;
  /** For errors: `grant SELECT on tickets.t9, reporting.x`. */
  what: string;
  /** Keys of its objects. */
  keys: string[];
  /** The same as two statements for half of the objects each; undefined for one object. */
  halves: (() => PrivilegeStatement[]) | undefined;
}

/** The statements of the plan: grants first, so that the role never has fewer privileges than declared. */
export function privilegeStatements(plan: PrivilegePlan, role: string): PrivilegeStatement[] {
  const grants = plan.grants.map(({ place, privileges }) => ({ place, privileges, as: undefined }));
  const revokes = plan.revokes.flatMap(({ place, held }) => byGrantor(place, held));
  return [
    ...group(grants).flatMap((one) => statementsFor("grant", one, role)),
    ...group(revokes).flatMap((one) => statementsFor("revoke", one, role)),
    ...plan.restores.flatMap(({ object, held }) => held.map((one) => columnStatement(object, one, role))),
  ];
}

interface Item {
  place: Place;
  privileges: string[];
  as: string | undefined;
}

function byGrantor(place: Place, held: Held[]): Item[] {
  const owner = "object" in place ? place.object.owner : place.future.creator;
  const grantors = new Set(held.map(({ grantor }) => grantor));
  return [...grantors].map((grantor) => ({
    place,
    privileges: held.filter((one) => one.grantor === grantor).map(({ privilege }) => privilege),
    as: grantor === owner ? undefined : grantor,
  }));
}

/** Items that fit one statement. */
function group(items: Item[]): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const { place, privileges, as } = item;
    const target =
      "object" in place ? [place.object.target.keyword, place.object.column] : [place.future.creator, place.future.on];
    const key = JSON.stringify([target, privileges, as]);
    const same = groups.get(key);
    if (same) same.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()].flatMap(chunk);
}

function chunk(items: Item[]): Item[][] {
  const chunks: Item[][] = [];
  for (let from = 0; from < items.length; from += objectsPerStatement) {
    chunks.push(items.slice(from, from + objectsPerStatement));
  }
  return chunks;
}

function statementsFor(action: "grant" | "revoke", items: Item[], role: string): PrivilegeStatement[] {
  const [first] = items;
  if (!first) return [];
  const { place, privileges, as } = first;
  const verb = action === "grant" ? "GRANT" : "REVOKE";
  const grantee = `${action === "grant" ? "TO" : "FROM"} ${escapeIdentifier(role)}`;
  const keys = items.map((item) => item.place.key);
  const what = `${action} ${privileges.join(", ")} on ${listOf(keys)}`;
  const middle = Math.ceil(items.length / 2);
  const halves = () =>
    [items.slice(0, middle), items.slice(middle)].flatMap((half) => statementsFor(action, half, role));
  const rest = { as, what, keys, halves: items.length > 1 ? halves : undefined };
  if ("object" in place) {
    const targets = items.flatMap((item) => ("object" in item.place ? [item.place.object.target.name] : []));
    const on = `${place.object.target.keyword} ${targets.join(", ")}`;
    const { column } = place.object;
    const names = column === undefined ? privileges : privileges.map((name) => `${name} (${escapeIdentifier(column)})`);
    return [{ sql: `${verb} ${names.join(", ")} ON ${on} ${grantee}`, ...rest }];
  }
  const { creator, on } = place.future;
  const schemas = items.flatMap((item) => ("future" in item.place ? [escapeIdentifier(item.place.future.schema)] : []));
  const scope = `FOR ROLE ${escapeIdentifier(creator)} IN SCHEMA ${schemas.join(", ")}`;
  return [{ sql: `ALTER DEFAULT PRIVILEGES ${scope} ${verb} ${privileges.join(", ")} ON ${on} ${grantee}`, ...rest }];
}

function columnStatement(
  { key, column, owner, target }: GrantableObject,
  held: Held,
  role: string,
): PrivilegeStatement {
  const what = `${held.privilege} (${escapeIdentifier(column ?? "")}) ON ${target.keyword} ${target.name}`;
  const option = held.grantable ? " WITH GRANT OPTION" : "";
  return {
    sql: `GRANT ${what} TO ${escapeIdentifier(role)}${option}`,
    as: held.grantor === owner ? undefined : held.grantor,
    what: `restore ${held.privilege} on ${key}`,
    keys: [key],
    halves: undefined,
  };
}
