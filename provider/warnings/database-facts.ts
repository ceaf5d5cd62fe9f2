import type { AfterUpFacts } from "./after-up.ts";

/** What the warnings of a database that belong to no single role are judged by. */
export interface DatabaseFacts extends AfterUpFacts {
  database: string;
  schemas: string[];
  alsoOwn: string[];
  /** All roles that this stack makes. */
  roles: string[];
  /** Users that services still log in as; without any the migration is over, and what is left is as it is wanted. */
  legacyUsers: string[];
}
