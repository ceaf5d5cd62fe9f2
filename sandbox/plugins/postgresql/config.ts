import { readFileSync } from "node:fs";
import { z } from "zod";
import type { CheckFailure } from "../../../provider/rpc/provider.ts";
import { type PropertyMap, reveal, Unknown } from "../../../provider/rpc/values.ts";
import { checkInputs, readInputs } from "../inputs.ts";

/** Pulumi's SDK encodes every setting that is not a string as JSON in a string. */
function encoded<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => (typeof value === "string" && value !== "" ? parse(value) : value), schema);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const schema = z
  .strictObject({
    scheme: z.literal("postgres"),
    host: z.string(),
    port: encoded(z.int()),
    database: z.string(),
    username: z.string(),
    /** The database user, if the server maps user names. */
    databaseUsername: z.string(),
    password: z.string(),
    superuser: encoded(z.boolean()),
    sslmode: z.enum(["disable", "require", "verify-ca", "verify-full"]),
    sslrootcert: z.string(),
    /** Seconds; 0 waits forever. */
    connectTimeout: encoded(z.int().min(-1)),
    /** Maximum number of connections; 0 means no limit. */
    maxConnections: encoded(z.int().min(-1)),
    /** The official plugin disables newer features. The stand-in uses none that are newer than 9.5. */
    expectedVersion: z
      .string()
      .refine(
        (version) => Number.parseFloat(version) >= 9.5,
        "the sandbox's stand-in supports PostgreSQL 9.5 and later",
      ),
    version: z.string(),
  })
  .partial();

/** The `postgresql` provider's configuration, with the official plugin's defaults and environment variables. */
export interface Config {
  host: string;
  port: number;
  database: string;
  username: string;
  databaseUsername: string;
  password: string | undefined;
  ssl: false | object;
  connectTimeout: number;
  maxConnections: number;
  /** Whether the plugin reads passwords back from the server. */
  superuser: boolean;
}

export function checkConfig(news: PropertyMap): CheckFailure[] {
  const known = Object.entries(news).filter(([, value]) => !(reveal(value) instanceof Unknown));
  return checkInputs(schema, Object.fromEntries(known));
}

export function readConfig(properties: PropertyMap, env: NodeJS.ProcessEnv): Config {
  const given = readInputs(schema, properties);
  const username = given.username ?? env.PGUSER ?? "postgres";
  return {
    host: given.host ?? env.PGHOST ?? "",
    port: given.port ?? Number(env.PGPORT ?? 5432),
    database: given.database ?? env.PGDATABASE ?? "postgres",
    username,
    databaseUsername: given.databaseUsername ?? username,
    password: given.password ?? env.PGPASSWORD,
    ssl: tls(given.sslmode ?? env.PGSSLMODE ?? "require", given.sslrootcert ?? env.PGSSLROOTCERT),
    connectTimeout: given.connectTimeout ?? Number(env.PGCONNECT_TIMEOUT ?? 180),
    maxConnections: given.maxConnections ?? 20,
    superuser: given.superuser ?? true,
  };
}

/** As in lib/pq, the official plugin's library: `require` means `verify-ca` if there is a root certificate, else it verifies nothing. */
function tls(sslmode: string, rootCertificate: string | undefined): false | object {
  if (sslmode === "disable") return false;
  if (sslmode === "require" && !rootCertificate) return { rejectUnauthorized: false };
  return {
    ...(rootCertificate && rootCertificate !== "system" && { ca: readFileSync(rootCertificate, "utf8") }),
    ...(sslmode !== "verify-full" && { checkServerIdentity: () => undefined }),
  };
}
