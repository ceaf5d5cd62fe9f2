import { z } from "zod";
import { notYetSupported, runtimesComingLater } from "./coming-later.ts";
import { defaultPool } from "./pool.ts";
import { readSettings, type Settings } from "./settings.ts";

/**
 * The config contract, section by section; sections of named entries are given as the schema of one entry, so that one
 * broken entry does not hide what is wrong with the others. Numbers and booleans may be quoted.
 */

/** A value read by `read`; undefined is refused with what was expected. */
function value<T>(expected: string, read: (written: unknown) => T | undefined) {
  return z.unknown().transform((written, context): T => {
    const result = read(written);
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", params: { expected }, input: written });
    return z.NEVER;
  });
}

const text = (what: string) =>
  value(what, (written) => (typeof written === "string" && written !== "" ? written : undefined));

const whole = (least: number, most: number, what: string) =>
  value(what, (written) => {
    const number = typeof written === "string" && /^\s*-?\d+\s*$/.test(written) ? Number(written) : written;
    return typeof number === "number" && Number.isInteger(number) && number >= least && number <= most
      ? number
      : undefined;
  });

function oneOf<const T extends readonly (string | boolean)[]>(...choices: T) {
  return value(choices.join(" | "), (written): T[number] | undefined =>
    choices.find((choice) => String(choice) === String(written)),
  );
}

const names = (what: string) =>
  value(`a list of ${what}`, (written) =>
    Array.isArray(written) && written.every((name) => typeof name === "string") ? (written as string[]) : undefined,
  );

/** Postgres's own upper bound of CONNECTION LIMIT is 2147483647; no server takes more than 262143 connections. */
const mostConnections = 262_143;
const limit = whole(
  1,
  mostConnections,
  "a connection limit: a whole number from 1 on (-1, unlimited, is what this stack is there to end)",
);
const port = whole(1, 65_535, "a port: a whole number from 1 to 65535");
const host = value("a host name, an address, or a Unix socket's directory", (written) =>
  typeof written === "string" && /^[^\s@?#]+$/.test(written) ? written : undefined,
);

/** A map of names to values; names are checked with the cross-checks. */
function namedValues<T extends z.ZodType>(of: T) {
  return z.record(z.string(), of);
}

const settings = z.unknown().transform((written, context): Settings => {
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    context.addIssue({ code: "custom", params: { expected: "settings: name and value" }, input: written });
    return z.NEVER;
  }
  return readSettings(written, (name, message) => context.addIssue({ code: "custom", path: [name], message }));
});

/** What sslmode may be: the modes that both the official provider's driver and ours know. */
const sslmodes = ["disable", "require", "verify-ca", "verify-full"] as const;

const runtime = value("external", (written) => (written === "external" ? "external" : undefined));

/** Sections that are one thing. */
export const singles = {
  server: z.strictObject({
    host,
    port: port.optional(),
    admin: z
      .strictObject({
        host: host.optional(),
        port: port.optional(),
        user: text("the name of the administrating role").optional(),
        database: text("the name of a database").optional(),
        sslmode: oneOf(...sslmodes).optional(),
      })
      .optional(),
  }),
  adminPassword: text("a text").optional(),
  ceiling: whole(1, mostConnections, "the most connections of all roles together: a whole number from 1 on").optional(),
  defaults: z.strictObject({ settings: settings.optional() }).optional(),
  rehearse: oneOf(true, false).optional(),
};

/** Sections of named entries. */
export const entries = {
  databases: z.strictObject({
    schemas: names("schemas"),
    owner: text("a role").optional(),
    keepOwner: namedValues(text("the role that stays the owner")).default({}),
    alsoOwn: names("objects (schema.object)").default([]),
    rehearseSql: names("SQL files").default([]),
  }),
  roles: z.strictObject({
    connectionLimit: limit,
    adopt: oneOf(true, false).default(false),
    access: namedValues(oneOf("owner", "writer", "reader")).default({}),
    settings: settings.default({}),
  }),
  existingRoles: z.strictObject({
    connectionLimit: limit,
    enforce: oneOf(true, false).default(false),
    settings: settings.default({}),
  }),
  services: z.strictObject({
    database: text("one of the databases"),
    role: text("one of the roles"),
    connectAs: oneOf("legacy", "role").default("legacy"),
    urlKey: value("the name of an environment variable", (written) =>
      typeof written === "string" && /^[A-Za-z_]\w*$/.test(written) ? written : undefined,
    ).default("DATABASE_URL"),
    migrates: oneOf(true, false, "unconfirmed").default("unconfirmed"),
    pool: z
      .strictObject({
        max: whole(1, mostConnections, "the most connections of one replica's pool: a whole number from 1 on").default(
          defaultPool.max,
        ),
        replicas: whole(0, 10_000, "how many replicas run: a whole number from 0 on").default(defaultPool.replicas),
        surge: whole(0, 10_000, "how many replicas start on top in a deploy: a whole number from 0 on").default(
          defaultPool.surge,
        ),
      })
      .prefault({}),
    runtime: runtime.default("external"),
  }),
  serviceSecrets: z.strictObject({ legacyUrl: text("a Postgres URL").optional() }),
};

/** Sections whose values are never shown. */
export const secretSections: readonly string[] = ["adminPassword", "serviceSecrets"];

/** The refusal of a value; runtimes that come with a later release say so. `show` prints what was found. */
export function valueProblem(
  path: readonly PropertyKey[],
  expected: string,
  written: unknown,
  show: (value: unknown) => string,
): string {
  if (path[0] === "services" && path[2] === "runtime" && runtimesComingLater.includes(String(written))) {
    return notYetSupported("service runtimes", "write external");
  }
  return `expected ${expected}, found ${show(written)}`;
}
