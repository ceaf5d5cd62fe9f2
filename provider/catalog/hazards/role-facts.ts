import type { Access } from "../access.ts";

/** What the hazards of a role in one database are judged by. */
export interface RoleFacts {
  role: string;
  database: string;
  access: Access;
  schemas: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}
