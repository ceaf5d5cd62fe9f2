import { z } from "zod";
import { parseObjectName } from "./object-name.ts";

const privileges = z.array(z.string().min(1));
/** Object (`schema.object`, or a pattern within one schema) to privileges. */
const onObjects = z.record(z.string().min(1), privileges).optional();

/** Privileges of a role in one database beyond its access level, by kind of object (app-roles:roles.*.grants.*). */
export const grants = z.strictObject({
  database: privileges.optional(),
  schemas: onObjects.describe("By the schema's name without quotes."),
  tables: onObjects.describe("Tables, views, materialized views and foreign tables."),
  columns: z
    .record(z.string().min(1), z.record(z.string().min(1), z.array(z.string().min(1))))
    .optional()
    .describe("Table to privilege to columns."),
  sequences: onObjects,
  functions: onObjects.describe(
    "Functions, procedures and aggregates: with their argument types, or every one of that name.",
  ),
  types: onObjects,
});
export type Grants = z.infer<typeof grants>;

/** Privileges on each kind of object: https://www.postgresql.org/docs/current/ddl-priv.html, table 5.2. */
const privilegesOf: Record<keyof Grants, string[]> = {
  database: ["CONNECT", "CREATE", "TEMPORARY", "TEMP"],
  schemas: ["USAGE", "CREATE"],
  tables: ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"],
  columns: ["SELECT", "INSERT", "UPDATE", "REFERENCES"],
  sequences: ["USAGE", "SELECT", "UPDATE"],
  functions: ["EXECUTE"],
  types: ["USAGE"],
};

interface GrantsProblem {
  path: PropertyKey[];
  message: string;
}

/** Problems of the privileges and names in one database's grants. */
export function grantsProblems(grants: Grants): GrantsProblem[] {
  const problems = privilegeProblems("database", grants.database ?? [], ["database"]);
  for (const [schema, privileges] of Object.entries(grants.schemas ?? {})) {
    problems.push(...privilegeProblems("schemas", privileges, ["schemas", schema]));
  }
  for (const section of ["tables", "sequences", "functions", "types"] as const) {
    for (const [name, privileges] of Object.entries(grants[section] ?? {})) {
      problems.push(...nameProblems(name, [section, name]), ...privilegeProblems(section, privileges, [section, name]));
    }
  }
  for (const [table, byPrivilege] of Object.entries(grants.columns ?? {})) {
    problems.push(...nameProblems(table, ["columns", table]));
    for (const [privilege, columns] of Object.entries(byPrivilege)) {
      problems.push(...privilegeProblems("columns", [privilege], ["columns", table]));
      if (columns.length > 0) continue;
      problems.push({
        path: ["columns", table, privilege],
        message: "expected at least one column, found an empty list",
      });
    }
  }
  return problems;
}

function privilegeProblems(kind: keyof Grants, privileges: string[], path: PropertyKey[]): GrantsProblem[] {
  const known = privilegesOf[kind];
  return privileges
    .filter((privilege) => !known.includes(privilege.toUpperCase()))
    .map((privilege) => ({ path, message: `expected ${known.join(", ")}, found ${privilege}` }));
}

/** The schema must be a name, because it is read as a whole. */
function nameProblems(name: string, path: PropertyKey[]): GrantsProblem[] {
  const parsed = parseObjectName(name);
  const isQuoted = /^(?:[a-z ]+ )?"/.test(name);
  if (parsed && (isQuoted || !/[*?]/.test(parsed.schema))) return [];
  return [{ path, message: "expected schema.object, without a pattern for the schema" }];
}
