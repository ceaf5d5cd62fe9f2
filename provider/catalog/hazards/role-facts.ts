import type { Access } from "../access.ts";

/** What the hazards of a role in one database are judged by. */
export interface RoleFacts {
  role: string;
  database: string;
  access: Access;
  schemas: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
  /** The roles that log in for it: itself, or those that SET ROLE to it. */
  logins: string[];
}
