import { codeOf } from "./connection.ts";

/**
 * undefined_table, undefined_function, undefined_object, undefined_column, invalid_schema_name, and wrong_object_type: the name
 * stands for an object of another kind by now.
 */
const gone = new Set(["42P01", "42883", "42704", "42703", "3F000", "42809"]);

/** Postgres has no SQLSTATE of its own for these (XX000), and does not translate them. */
const goneMessages = ["cache lookup failed", "could not open relation with OID", "tuple concurrently"];

/**
 * Whether the object in question may have been dropped, renamed or changed by another session since the catalog was read:
 * what is planned anew either names the object as it is now, or no longer names it. A name that was wrong from the start fails
 * the same way, so callers look a bounded number of times.
 */
export function isGone(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = codeOf(cause);
  if (code !== undefined && gone.has(code)) return true;
  return code === "XX000" && cause instanceof Error && goneMessages.some((text) => cause.message.includes(text));
}

/** Times that the catalog is read again when it changed under the reading. */
const looks = 5;

/** Reads the catalog with `look`, which changes nothing; again when an object that it asks about goes meanwhile. */
export async function lookingAgain<T>(look: () => Promise<T>): Promise<T> {
  for (let left = looks; ; left--) {
    try {
      return await look();
    } catch (error) {
      if (left === 0 || !isGone(error)) throw error;
    }
  }
}
