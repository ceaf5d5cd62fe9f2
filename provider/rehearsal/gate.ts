import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";

/**
 * A function that runs the SQL in its argument as the role, in which Postgres lets no statement, not even several in one text or
 * dynamic SQL in a DO block, change the role or end the transaction.
 */
export interface Gate {
  /** Its quoted name. */
  name: string;
  /** Statements that create it, until the transaction is rolled back. */
  statements: string[];
}

export function gateOf(role: string): Gate {
  const name = `pg_temp.${escapeIdentifier(`app_roles_${randomBytes(6).toString("hex")}`)}`;
  const statements = [
    `CREATE FUNCTION ${name}(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE $1; END'`,
    `ALTER FUNCTION ${name}(text) OWNER TO ${escapeIdentifier(role)}`,
  ];
  return { name, statements };
}
