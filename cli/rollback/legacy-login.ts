import { randomBytes } from "node:crypto";
import { DatabaseUrlError, databaseUrlPassword, databaseUrlUser } from "../../model/database-url.ts";
import { codeOf, login, type Queryable, type ServerAddress } from "../../provider/postgres/connection.ts";
import { type Exported, exportedText, revealed } from "../pulumi/state.ts";

/** What is known of a login with a recorded legacy URL. */
export type LegacyLogin =
  | { state: "works" }
  /** The server refuses it: a service that is put on it does not come up. */
  | { state: "refused"; why: string }
  /** It could not be tried, or a login proves nothing. */
  | { state: "unknown"; why: string };

/** A way back must not wait: one try, a second for each. */
const once = { delays: [], timeout: 1000 };

/**
 * Tries a login with a legacy URL's user and password at the admin's address, which must be that of the stack's own server: it is
 * refused only where the admin himself is let in. Throws nothing and says no secret.
 */
export async function tryLegacyLogin(url: string, admin: ServerAddress | undefined): Promise<LegacyLogin> {
  const unknown = (why: string): LegacyLogin => ({ state: "unknown", why });
  if (!admin) return unknown("the state has no address of the server");
  try {
    const [user, password] = [databaseUrlUser(url), databaseUrlPassword(url)];
    if (user === undefined || password === undefined) return unknown("it names no user or no password");
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
    return random ? { state: "works" } : unknown(`${place} asks for no password from here`);
  } catch (error) {
    return unknown(error instanceof DatabaseUrlError ? "it is no URL that can be read" : (error as Error).message);
  }
}

/** Why a user can log in with no password at all; undefined: he may. */
async function readRole(db: Queryable, user: string): Promise<string | undefined> {
  const { rows } = await db.query<{ mayLogIn: boolean; hasEnded: boolean }>(
    `SELECT rolcanlogin AS "mayLogIn", coalesce(rolvaliduntil <= now(), false) AS "hasEnded"
     FROM pg_roles WHERE rolname = $1`,
    [user],
  );
  const [role] = rows;
  if (!role) return `the server has no role ${user}`;
  if (!role.mayLogIn) return `${user} may not log in (NOLOGIN)`;
  return role.hasEnded ? `the password of ${user} has ended (VALID UNTIL)` : undefined;
}

async function attempt(address: ServerAddress): Promise<Error | undefined> {
  try {
    await (await login(address, address.database, "app-roles", once)).end();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Where the admin logged in with the last up. @param state with its secrets in clear */
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
