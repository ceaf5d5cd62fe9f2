import { z } from "zod";
import { defaultPool } from "../../model/pool.ts";
import { runtimes } from "../../model/runtime.ts";
import { readSettings, type Settings } from "../../model/settings.ts";
import type { PublicPrivilege } from "../../model/stack.ts";
import { command, compose, container, gate } from "./runtimes.ts";
import { namedValues, names, oneOf, text, value, whole } from "./values.ts";

/**
 * The configuration by section. A section of named entries has the schema of one entry, so that an invalid entry does not hide
 * problems of others. Numbers and booleans may be quoted.
 */

/** The highest max_connections; Postgres accepts a CONNECTION LIMIT up to 2147483647. */
const mostConnections = 262_143;
const limit = whole(
  1,
  mostConnections,
  "a connection limit: a whole number of at least 1 (-1, unlimited, is not allowed; omit an existing role, or give it a limit with enforce: true)",
);
const port = whole(1, 65_535, "a port: a whole number from 1 to 65535");
const host = value("a host name, an address, or a Unix socket's directory", (written) =>
  typeof written === "string" && /^[^\s@?#]+$/.test(written) ? written : undefined,
);

const settings = z.unknown().transform((written, context): Settings => {
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    context.addIssue({ code: "custom", params: { expected: "settings: name and value" }, input: written });
    return z.NEVER;
  }
  return readSettings(written, (name, message) => context.addIssue({ code: "custom", path: [name], message }));
});

/** The modes that both the official provider's driver and ours support. */
const sslmodes = ["disable", "require", "verify-ca", "verify-full"] as const;

const privileges = names("privileges");
const grants = z.strictObject({
  database: privileges.optional(),
  schemas: namedValues(privileges).optional(),
  tables: namedValues(privileges).optional(),
  columns: namedValues(namedValues(names("columns"))).optional(),
  sequences: namedValues(privileges).optional(),
  functions: namedValues(privileges).optional(),
  types: namedValues(privileges).optional(),
});

/** Sections with one value. */
export const singles = {
  server: z.strictObject({
    host,
    port: port.optional(),
    sslrootcert: text("the file of a certificate (PEM), or system").optional(),
    admin: z
      .strictObject({
        host: host.optional(),
        container: text("the name of a container, or its beginning").optional(),
        port: port.optional(),
        user: text("the name of the administrating role").optional(),
        database: text("the name of a database").optional(),
        sslmode: oneOf(...sslmodes).optional(),
        superuser: oneOf(true, false).optional(),
      })
      .optional(),
  }),
  adminPassword: text("a text").optional(),
  pendingAdminPassword: text("a text").optional(),
  ceiling: whole(
    1,
    mostConnections,
    "the most connections of all roles together: a whole number of at least 1",
  ).optional(),
  defaults: z.strictObject({ settings: settings.optional() }).optional(),
  rehearse: oneOf(true, false).optional(),
  maxCutoversPerUp: whole(1, 10_000, "how many services one up may cut over: a whole number of at least 1").optional(),
  migrationComplete: oneOf(true, false).optional(),
  rollbackKit: text("a folder").optional(),
};

const publicPrivileges = value("a list of CONNECT and TEMPORARY", (written) =>
  Array.isArray(written) && written.every((each) => each === "CONNECT" || each === "TEMPORARY")
    ? [...new Set(written as PublicPrivilege[])]
    : undefined,
);

/** Sections of named entries. */
export const entries = {
  databases: z.strictObject({
    schemas: names("schemas"),
    owner: text("a role").optional(),
    keepOwner: namedValues(text("the role that remains the owner")).default({}),
    alsoOwn: names("objects (schema.object)").default([]),
    rehearseSql: names("SQL files").default([]),
    exclusive: oneOf(true, false).default(false),
    revokeFromPublic: publicPrivileges.default([]),
  }),
  roles: z.strictObject({
    connectionLimit: limit,
    adopt: oneOf(true, false).default(false),
    rotation: oneOf("alternate").optional(),
    access: namedValues(oneOf("owner", "writer", "reader")).default({}),
    grants: namedValues(grants).default({}),
    exclusive: oneOf(true, false).default(false),
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
        max: whole(
          1,
          mostConnections,
          "the most connections of one replica's pool: a whole number of at least 1",
        ).default(defaultPool.max),
        replicas: whole(0, 10_000, "how many replicas run: a whole number of at least 0").default(defaultPool.replicas),
        surge: whole(
          0,
          10_000,
          "how many replicas a deploy starts in addition: a whole number of at least 0",
        ).optional(),
      })
      .prefault({}),
    runtime: oneOf(...runtimes).default("external"),
    container: container.optional(),
    compose: compose.optional(),
    command: command.optional(),
    urlFrom: oneOf("env", "file").optional(),
    gate: gate.optional(),
  }),
  serviceSecrets: z.strictObject({
    legacyUrl: text("a Postgres URL").optional(),
    env: namedValues(text("a text")).default({}),
  }),
};

/** Sections whose values are never printed. */
export const secretSections: readonly string[] = ["adminPassword", "pendingAdminPassword", "serviceSecrets"];
