import { escapeIdentifier } from "pg";

/** A name as people write it in SQL: bare where that means the same, else in double quotes. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : escapeIdentifier(name);
}
