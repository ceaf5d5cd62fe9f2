import type { Statement } from "./evidence.ts";

/**
 * Whether the text of the statement lacks its end.
 *
 * @param querySize track_activity_query_size, at which the server cuts off the statements of sessions
 */
export function isCutOff({ text, source, isTruncated }: Statement, querySize: number): boolean {
  if (isTruncated !== undefined) return isTruncated;
  // The text that pg_stat_activity shows has at most one byte less; a character at the end that does not fit is left out.
  return source === "session" && Buffer.byteLength(text) >= querySize - 4;
}
