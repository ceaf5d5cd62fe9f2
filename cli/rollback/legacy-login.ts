import { randomBytes } from "node:crypto";
import { DatabaseUrlError, databaseUrlPassword, databaseUrlUser } from "../../model/database-url.ts";
import { codeOf, login, type Queryable, type ServerAddress } from "../../provider/postgres/connection.ts";
import { type Exported, exportedText, revealed } from "../pulumi/state.ts";

/** The result of a login with a recorded legacy URL. */
export type LegacyLogin =
  | { state: "works" }
  /** The server refuses it: a service rolled back to it would not start. */
  | { state: "refused"; why: string }
  /** It could not be tried, or its success proves nothing. */
  | { state: "unknown"; why: string };

/** A rollback must not wait: one try of at most one second. */
const once = { delays: [], timeout: 1000 };

/**
 * Tries a login with a legacy URL's user and password at the admin's address, the address of the stack's own server. It reports
 * `refused` only if the admin can log in. Never throws; the result holds no secret.
 */
export async function tryLegacyLogin(url: string, admin: ServerAddress | undefined): Promise<LegacyLogin> {
  const unknown = (why: string): LegacyLogin => ({ state: "unknown", why });
  if (!admin) return unknown("the state does not have the server's address");
  try {
    const [user, password] = [databaseUrlUser(url), databaseUrlPassword(url)];
    if (user === undefined || password === undefined) return unknown("it has no user or no password");
    const db = await login(admin, admin.database, "app-roles", once);
    try {
      const role = await readRole(db, user);
      if (role !== undefined) return { state: "refused", why: role };
    } finally {
      await db.end();
    }
    const place = `${admin.host}:${admin.port}`;
    const refusal = await attempt({ ...admin, user, password });
    if (codeOf(refusal) === "28P01")
      return { state: "refused", why: `${place} refuses the password of ${user} (28P01)` };
    if (refusal) return unknown(refusal.message);
    const random = await attempt({ ...admin, user, password: randomBytes(24).toString("hex") });
    return random ? { state: "works" } : unknown(`${place} does not require a password from here`);
  } catch (error) {
    return unknown(error instanceof DatabaseUrlError ? "it is not a valid URL" : (error as Error).message);
  }
}

/** Why a user cannot log in with any password; undefined if the user can. */
async function readRole(db: Queryable, user: string): Promise<string | undefined> {
  const { rows } = await db.query<{ canLogIn: boolean; hasExpired: boolean }>(
    `SELECT rolcanlogin AS "canLogIn", coalesce(rolvaliduntil <= now(), false) AS "hasExpired"
     FROM pg_roles WHERE rolname = $1`,
    [user],
  );
  const [role] = rows;
  if (!role) return `the server has no role ${user}`;
  if (!role.canLogIn) return `${user} cannot log in (NOLOGIN)`;
  return role.hasExpired ? `the password of ${user} has expired (VALID UNTIL)` : undefined;
}

async function attempt(address: ServerAddress): Promise<Error | undefined> {
  try {
    await (await login(address, address.database, "app-roles", once)).end();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** The admin's login in the last up. @param state with secrets in plaintext */
export function adminOf({ resources = [] }: Exported): ServerAddress | undefined {
  const provider = resources.find(({ type }) => type === "pulumi:providers:pgaccess");
  if (!provider) return undefined;
  const { host, user, database, sslmode, sslrootcert, port, password } = (revealed(provider.inputs) ?? {}) as Record<
    string,
    unknown
  >;
  const texts = [host, user, database, sslmode];
  if (texts.some((text) => typeof text !== "string")) return undefined;
  const [at, as, to, mode] = texts as [string, string, string, string];
  return {
    host: at,
    port: Number(port),
    user: as,
    database: to,
    sslmode: mode,
    ...(typeof sslrootcert === "string" && { sslrootcert }),
    password: exportedText(password) ?? "",
  };
}
