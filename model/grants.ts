import { parseObjectName } from "./object-name.ts";

/** Privileges of a role in one database beyond its access level, by kind of object; names as `schema.object`. */
export interface Grants {
  database?: string[] | undefined;
  /** By schema. */
  schemas?: Record<string, string[]> | undefined;
  /** Tables, views, materialized views and foreign tables; `*` and `?` stand for characters of a name. */
  tables?: Record<string, string[]> | undefined;
  /** Table to privilege to columns. */
  columns?: Record<string, Record<string, string[]>> | undefined;
  sequences?: Record<string, string[]> | undefined;
  /** Functions, procedures and aggregates, `schema.name(types)`, or `schema.name` for every one of that name. */
  functions?: Record<string, string[]> | undefined;
  types?: Record<string, string[]> | undefined;
}

/** What can be granted on each kind: https://www.postgresql.org/docs/current/ddl-priv.html, table 5.2. */
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

/** What is wrong with the privileges and names of one database's grants. */
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

/** The schema is read whole, so no pattern may stand for it. */
function nameProblems(name: string, path: PropertyKey[]): GrantsProblem[] {
  const parsed = parseObjectName(name);
  const isQuoted = /^(?:[a-z ]+ )?"/.test(name);
  if (parsed && (isQuoted || !/[*?]/.test(parsed.schema))) return [];
  return [{ path, message: "expected schema.object, with no pattern for the schema" }];
}
