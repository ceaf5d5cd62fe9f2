import { readFileSync } from "node:fs";
import { z } from "zod";
import type { CheckFailure } from "../../../provider/rpc/provider.ts";
import { type PropertyMap, reveal, Unknown } from "../../../provider/rpc/values.ts";
import { checkInputs, readInputs } from "../inputs.ts";

/** Pulumi's SDK sends every setting that is no text as JSON in a text. */
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
    /** The name Postgres knows the user by, where it maps user names. */
    databaseUsername: z.string(),
    password: z.string(),
    superuser: encoded(z.boolean()),
    sslmode: z.enum(["disable", "require", "verify-ca", "verify-full"]),
    sslrootcert: z.string(),
    /** Seconds; 0 waits for ever. */
    connectTimeout: encoded(z.int().min(-1)),
    /** Connections at one time; 0 is no limit. */
    maxConnections: encoded(z.int().min(-1)),
    /** Turns the use of newer features off; those used here are all there since 9.5. */
    expectedVersion: z
      .string()
      .refine((version) => Number.parseFloat(version) >= 9.5, "the sandbox's stand-in knows PostgreSQL 9.5 and later"),
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
  /** False: passwords are not read back. */
  superuser: boolean;
}

export function checkConfig(news: PropertyMap): CheckFailure[] {
  const known = Object.entries(news).filter(([, value]) => !(reveal(value) instanceof Unknown));
  return checkInputs(schema, Object.fromEntries(known));
}

export function readConfig(properties: PropertyMap, env: NodeJS.ProcessEnv = process.env): Config {
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

/** As the official plugin's Postgres library (lib/pq): with a root certificate `require` is `verify-ca`, without one it checks nothing. */
function tls(sslmode: string, rootCertificate: string | undefined): false | object {
  if (sslmode === "disable") return false;
  if (sslmode === "require" && !rootCertificate) return { rejectUnauthorized: false };
  return {
    ...(rootCertificate && rootCertificate !== "system" && { ca: readFileSync(rootCertificate, "utf8") }),
    ...(sslmode !== "verify-full" && { checkServerIdentity: () => undefined }),
  };
}
