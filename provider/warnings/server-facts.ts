/** What the warnings of the whole server are judged by. */
export interface ServerFacts {
  /** The declared databases. */
  databases: string[];
  /** The one that the stack logs in to first. */
  adminDatabase: string;
  /** The stack's roles that log in. */
  roles: string[];
  /** Database to the roles that this up gives CONNECT there. Undefined: only roles that are there, and what they are granted now, count. */
  access: Record<string, string[]> | undefined;
  /** Databases where this up takes CONNECT from PUBLIC. */
  closed: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}
