import { DatabaseUrlError, databaseUrlUser } from "../../model/database-url.ts";

/** How one DATABASE_URL differs from another, with nothing of either but the users. */
export function urlDifference(from: string | undefined, to: string): string {
  const [before, after] = [from, to].map((url) => (url === undefined ? "nothing" : userOf(url)));
  return before === after ? `${before}, another password or address` : `${before} -> ${after}`;
}

function userOf(url: string): string {
  try {
    const user = databaseUrlUser(url);
    return user === undefined ? "no user" : `user ${user}`;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return "a text that is no Postgres URL";
    throw error;
  }
}
