import type { Access } from "../../model/stack.ts";
import type { AfterUpFacts } from "./after-up.ts";

/** What the warnings of a role in one database are judged by. */
export interface RoleFacts extends AfterUpFacts {
  role: string;
  database: string;
  /** Undefined: explicit grants alone. */
  access: Access | undefined;
  schemas: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
  /** The roles that log in for it: itself, or those that SET ROLE to it. */
  logins: string[];
}
