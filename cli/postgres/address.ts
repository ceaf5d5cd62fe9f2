import {
  DatabaseUrlError,
  databaseUrlAddress,
  databaseUrlDatabase,
  databaseUrlPassword,
  databaseUrlUser,
} from "../../model/database-url.ts";
import { completeServer } from "../../model/server.ts";
import { type SslMode, sslModes } from "../../model/stack.ts";
import type { ServerAddress } from "../../provider/postgres/connection.ts";
import { UsageError } from "../terminal/command.ts";
import { passwordFromFile } from "./password-file.ts";

/**
 * The address and login of a URL, with defaults from libpq's environment variables and password file. Throws UsageError, which
 * never contains the URL.
 */
export function addressOfUrl(url: string, env: NodeJS.ProcessEnv): ServerAddress {
  try {
    const parameters = new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?") + 1) : "");
    const named = parameters.get("host");
    const address = databaseUrlAddress(url) ?? {
      host: named ?? env.PGHOST ?? "localhost",
      port: Number(parameters.get("port") ?? env.PGPORT ?? 5432),
    };
    if (named === null && /^postgres(ql)?:\/\/[^/?]*,/.test(url)) throw new UsageError("the URL must have one host");
    const user = databaseUrlUser(url) ?? env.PGUSER ?? "postgres";
    const written = {
      ...address,
      user,
      password: databaseUrlPassword(url) ?? env.PGPASSWORD,
      database: databaseUrlDatabase(url) ?? env.PGDATABASE ?? user,
      sslmode: parameters.get("sslmode") ?? env.PGSSLMODE,
      sslrootcert: parameters.get("sslrootcert") ?? undefined,
    };
    return addressOf(written, env);
  } catch (error) {
    if (error instanceof DatabaseUrlError) throw new UsageError(`the URL of the server: ${error.message}`);
    throw error;
  }
}

/** The address and login of libpq's environment variables; undefined if none of them names a server. */
export function addressOfEnvironment(env: NodeJS.ProcessEnv): ServerAddress | undefined {
  if (env.PGHOST === undefined && env.PGUSER === undefined && env.PGDATABASE === undefined) return undefined;
  const user = env.PGUSER ?? "postgres";
  const written = {
    host: env.PGHOST ?? "localhost",
    port: Number(env.PGPORT ?? 5432),
    user,
    password: env.PGPASSWORD,
    database: env.PGDATABASE ?? user,
    sslmode: env.PGSSLMODE,
    sslrootcert: undefined,
  };
  return addressOf(written, env);
}

type Written = Omit<ServerAddress, "sslmode" | "password"> & Record<"sslmode" | "password", string | undefined>;

function addressOf({ sslmode, password, ...written }: Written, env: NodeJS.ProcessEnv): ServerAddress {
  const { host, port, user, database, sslrootcert } = written;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new UsageError("the port must be from 1 to 65535");
  const admin = { user, database, sslmode: sslmode === undefined ? undefined : sslModeOf(sslmode) };
  return {
    ...written,
    password: password || (passwordFromFile(written, env) ?? ""),
    sslmode: completeServer({ host, port, sslrootcert, admin }).admin.sslmode,
  };
}

/** `prefer` and `allow`, which cannot be kept, become the default: TLS, except to this machine. */
function sslModeOf(written: string): SslMode | undefined {
  if (written === "prefer" || written === "allow") return undefined;
  const known = sslModes.find((mode) => mode === written);
  if (known === undefined) throw new UsageError(`sslmode ${written}: expected ${sslModes.join(", ")}`);
  return known;
}
