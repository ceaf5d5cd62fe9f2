import type { Grants } from "../../model/grants.ts";
import type { Queryable } from "../postgres/connection.ts";
import { isMatched, isNamed, splitName, unquoted } from "../postgres/names.ts";
import type { Grantable, GrantableObject, ObjectKind } from "./table.ts";

type Section = "schemas" | "tables" | "sequences" | "functions" | "types";

const sectionOf: Partial<Record<ObjectKind, Section>> = {
  schema: "schemas",
  table: "tables",
  view: "tables",
  "materialized view": "tables",
  "continuous aggregate": "tables",
  sequence: "sequences",
  routine: "functions",
  type: "types",
};

/** The explicitly granted privileges on an object. */
export function grantedOn(grants: Grants | undefined, object: Grantable): string[] {
  if (!grants) return [];
  if (object.kind === "database") return (grants.database ?? []).map(standardName);
  if (object.kind === "column") return grantedOnColumn(grants, object);
  const section = sectionOf[object.kind];
  const found = Object.entries((section && grants[section]) ?? {}).filter(([name]) => matches(name, object));
  return [...new Set(found.flatMap(([, names]) => names.map(standardName)))];
}

function grantedOnColumn({ columns = {} }: Grants, object: Grantable): string[] {
  const found = Object.entries(columns).filter(([table]) => isNamed(table, namesOf(object)));
  const names = found.flatMap(([, byPrivilege]) =>
    Object.entries(byPrivilege).flatMap(([name, list]) =>
      list.includes(object.column ?? "") ? [standardName(name)] : [],
    ),
  );
  return [...new Set(names)];
}

function matches(name: string, object: Grantable): boolean {
  if (object.kind === "schema") return unquoted(name) === object.schema;
  const named = namesOf(object);
  return isNamed(name, named) || isMatched(name, named);
}

/** Of a column: those of its table. */
function namesOf({ key, schema, name, target, argumentTypes }: Grantable) {
  const type = /^(?:function|procedure|aggregate|type)(?= )/.exec(key)?.[0];
  return { key, identity: target.name, schema, name, argumentTypes, ...(type !== undefined && { type }) };
}

/** The name in the catalog, where TEMP is TEMPORARY. */
function standardName(privilege: string): string {
  const name = privilege.toUpperCase();
  return name === "TEMP" ? "TEMPORARY" : name;
}

/** The schemas of all named objects. */
export function schemasIn(grants: Grants | undefined): string[] {
  const { schemas = {}, tables = {}, columns = {}, sequences = {}, functions = {}, types = {} } = grants ?? {};
  const objects = [tables, columns, sequences, functions, types].flatMap((section) => Object.keys(section));
  return [
    ...new Set([...Object.keys(schemas).map(unquoted), ...objects.flatMap((name) => splitName(name)?.schema ?? [])]),
  ];
}

/** Whether a privilege on a table is granted explicitly; `identity` is quoted as Postgres quotes it. */
export function isGrantedOnTable(grants: Grants | undefined, identity: string, privilege: string): boolean {
  const parts = splitName(identity);
  if (!parts) return false;
  const named = { key: identity, identity, schema: parts.schema, name: unquoted(parts.object) };
  return Object.entries(grants?.tables ?? {}).some(
    ([name, names]) => (isNamed(name, named) || isMatched(name, named)) && names.map(standardName).includes(privilege),
  );
}

/** Names that match no object, such as `tables tickets.t9`. */
export function unmatchedNames(grants: Grants | undefined, objects: Grantable[]): string[] {
  if (!grants) return [];
  const sections: Section[] = ["schemas", "tables", "sequences", "functions", "types"];
  const unmatched = sections.flatMap((section) =>
    Object.keys(grants[section] ?? {})
      .filter((name) => !objects.some((object) => sectionOf[object.kind] === section && matches(name, object)))
      .map((name) => `${section} ${name}`),
  );
  const columns = Object.entries(grants.columns ?? {}).flatMap(([table, byPrivilege]) =>
    [...new Set(Object.values(byPrivilege).flat())]
      .filter((column) => !objects.some((object) => object.column === column && isNamed(table, namesOf(object))))
      .map((column) => `columns ${table} (${column})`),
  );
  return [...unmatched, ...columns];
}

/** Adds the columns of explicit grants that have no privileges yet; the privilege table has only columns with privileges. */
export async function withColumns(
  db: Queryable,
  grants: Grants | undefined,
  objects: GrantableObject[],
): Promise<GrantableObject[]> {
  const columns = Object.entries(grants?.columns ?? {});
  const tables = objects.filter(
    (object) =>
      object.target.keyword === "TABLE" &&
      object.kind !== "column" &&
      columns.some(([name]) => isNamed(name, namesOf(object))),
  );
  if (tables.length === 0) return objects;
  const { rows } = await db.query<{ table: string; column: string; key: string }>(
    `SELECT t.name AS table, a.attname AS column, format('column %s of %I.%I', a.attname, n.nspname, c.relname) AS key
     FROM unnest($1::text[]) t (name)
     JOIN pg_class c ON c.oid = to_regclass(t.name)
     JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE a.attname = ANY ($2::text[])`,
    [tables.map(({ target }) => target.name), columns.flatMap(([, byPrivilege]) => Object.values(byPrivilege).flat())],
  );
  const known = new Set(objects.map(({ key }) => key));
  const added = rows.flatMap(({ table, column, key }): GrantableObject[] => {
    const found = tables.find(({ target }) => target.name === table);
    return found && !known.has(key) ? [{ ...found, key, kind: "column", column, held: [], grantedOnward: [] }] : [];
  });
  return [...objects, ...added];
}
