import { codeOf } from "./connection.ts";

/**
 * undefined_table, undefined_function, undefined_object, undefined_column, invalid_schema_name, and wrong_object_type: the name
 * now belongs to an object of another kind.
 */
const gone = new Set(["42P01", "42883", "42704", "42703", "3F000", "42809"]);

/** Postgres reports these as internal errors (XX000), and does not translate them. */
const goneMessages = ["cache lookup failed", "could not open relation with OID", "tuple concurrently"];

/**
 * Whether another session may have dropped, renamed or changed the object after the catalog was read, so that a new plan can
 * succeed. A name that was wrong from the start fails in the same way, so callers retry a limited number of times.
 */
export function isGone(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = codeOf(cause);
  if (code !== undefined && gone.has(code)) return true;
  return code === "XX000" && cause instanceof Error && goneMessages.some((text) => cause.message.includes(text));
}

/** Retries when the catalog changes during a read. */
const retries = 5;

/** Runs `read`, which must change nothing, and again if an object is dropped or renamed meanwhile. */
export async function readingAgain<T>(read: () => Promise<T>): Promise<T> {
  for (let left = retries; ; left--) {
    try {
      return await read();
    } catch (error) {
      if (left === 0 || !isGone(error)) throw error;
    }
  }
}
