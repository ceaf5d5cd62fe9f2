import { codeOf } from "./connection.ts";

/** What to do next, by SQLSTATE (PostgreSQL documentation, appendix A). */
const nextStep: Record<string, string> = {
  "42501": "The admin (app-roles:server.admin.user) may not do this: it must be a superuser or own the object.",
  "42704": "It is gone since the plan was made: run this again.",
  "42P01": "It is gone since the plan was made: run this again.",
  "25006":
    "The server takes no changes now: it is a standby, or was made one by a failover. Point app-roles:server.admin at the primary.",
  "3F000": "The schema is gone since the plan was made: run this again.",
  "55P03": "Another session holds a lock on it: find it in pg_locks, let it end, then run this again.",
  "40P01": "It ran into a deadlock with another session: run this again.",
  "53200": "The server's lock table is full: run this again when it is quieter.",
  "57014": "It was cancelled: run this again.",
  "57P01": "An administrator ended the session: run this again.",
};

/** An error that says what was being done, what Postgres answered (SQLSTATE) and what to do next. */
export function explain(doing: string, error: unknown): Error {
  const code = codeOf(error);
  const said = error instanceof Error ? error.message : String(error);
  const next = code && nextStep[code];
  return new Error(`${doing}: ${said}${code ? ` (${code})` : ""}.${next ? ` ${next}` : ""}`, { cause: error });
}

/** Names a line gives before it says how many more there are. */
const named = 5;

/** Names in one line of a message: the first five, then how many more. */
export function listOf(names: string[]): string {
  const shown = names.slice(0, named).join(", ");
  return names.length > named ? `${shown} and ${names.length - named} more` : shown;
}
