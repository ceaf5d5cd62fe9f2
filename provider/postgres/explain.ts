import { codeOf } from "./connection.ts";

/** The next step for the user, by SQLSTATE (PostgreSQL documentation, appendix A). */
const nextStep: Record<string, string> = {
  "42501":
    "The admin (app-roles:server.admin.user) is not allowed to do this: it must be a superuser or own the object.",
  "42704": "It was dropped after the plan was made: run this again.",
  "42P01": "It was dropped after the plan was made: run this again.",
  "25006":
    "The server accepts no changes: it is a standby, perhaps since a failover. Point app-roles:server.admin at the primary.",
  "3F000": "The schema was dropped after the plan was made: run this again.",
  "55P03": "Another session holds a lock on it: find that session in pg_locks, let it end, then run this again.",
  "40P01": "It ran into a deadlock with another session: run this again.",
  "53200": "The server's lock table is full: run this again when there is less load.",
  "57014": "It was cancelled: run this again.",
  "57P01": "An administrator ended the session: run this again.",
};

/** An error with the failed action, Postgres's message and SQLSTATE, and the next step. */
export function explain(action: string, error: unknown): Error {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const next = code && nextStep[code];
  return new Error(`${action}: ${message}${code ? ` (${code})` : ""}.${next ? ` ${next}` : ""}`, { cause: error });
}

/** Names that a line lists; further ones are only counted. */
const named = 5;

/** Names for one line of a message: the first five, and the number of the others. */
export function listOf(names: string[]): string {
  const shown = names.slice(0, named).join(", ");
  return names.length > named ? `${shown} and ${names.length - named} more` : shown;
}
