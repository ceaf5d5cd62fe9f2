/** Postgres silently truncates longer names; in bytes. Source: NAMEDATALEN, lexical structure of SQL. */
const longestIdentifier = 63;

/** Why Postgres does not accept this name as written; undefined if it does. */
export function identifierProblem(name: string): string | undefined {
  if (name === "") return "expected a name, found an empty text";
  if (!name.isWellFormed() || name.includes("\0")) return "expected a name in valid UTF-8 without zero bytes";
  const bytes = Buffer.byteLength(name);
  if (bytes > longestIdentifier) {
    return `expected a name of at most ${longestIdentifier} bytes (Postgres truncates longer ones), found ${bytes} bytes`;
  }
  return undefined;
}

/** Why Postgres cannot create a role of this name. Source: CREATE ROLE and the list of role specifications. */
export function roleNameProblem(name: string): string | undefined {
  if (/^pg_/i.test(name)) return "names that start with pg_ are reserved by Postgres; choose another name";
  if (["public", "none", "current_user", "current_role", "session_user"].includes(name.toLowerCase())) {
    return `"${name}" is reserved by Postgres; choose another name`;
  }
  return identifierProblem(name);
}

/** Why the objects of this schema cannot be managed. */
export function schemaNameProblem(name: string): string | undefined {
  if (/^pg_/i.test(name) || name === "information_schema") {
    return `"${name}" belongs to Postgres itself; list the schemas that hold the services' objects`;
  }
  return identifierProblem(name);
}
