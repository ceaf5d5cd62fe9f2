/** What the hazards of the whole server are judged by. */
export interface ServerFacts {
  /** The declared databases. */
  databases: string[];
  /** The one that the stack logs in to first. */
  adminDatabase: string;
  /** The stack's roles that log in. */
  roles: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}
