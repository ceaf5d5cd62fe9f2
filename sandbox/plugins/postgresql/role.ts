import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type Client, escapeIdentifier, escapeLiteral } from "pg";
import { z } from "zod";
import type { PropertyDiff, ResourceType } from "../../../provider/rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, Secret, unknown } from "../../../provider/rpc/values.ts";
import { checkInputs, orUnknown, withoutInternals, withoutNulls } from "../inputs.ts";
import type { Connections } from "./connections.ts";

/** A role in the official plugin's terms. */
export interface Role {
  name: string;
  password: string;
  roles: string[];
  searchPaths: string[];
  encryptedPassword: boolean;
  validUntil: string;
  connectionLimit: number;
  superuser: boolean;
  createDatabase: boolean;
  createRole: boolean;
  inherit: boolean;
  login: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  skipDropRole: boolean;
  skipReassignOwned: boolean;
  /** Milliseconds; 0 means not set. */
  statementTimeout: number;
  /** Milliseconds; 0 means not set. */
  idleInTransactionSessionTimeout: number;
  assumeRole: string;
}

/** The defaults that Check adds to the inputs. */
const defaults = {
  encryptedPassword: true,
  validUntil: "infinity",
  connectionLimit: -1,
  superuser: false,
  createDatabase: false,
  createRole: false,
  inherit: true,
  login: false,
  replication: false,
  bypassRowLevelSecurity: false,
  skipDropRole: false,
  skipReassignOwned: false,
};
/** The values of omitted inputs without a default. */
const blanks = {
  password: "",
  roles: [] as string[],
  searchPaths: [] as string[],
  statementTimeout: 0,
  idleInTransactionSessionTimeout: 0,
  assumeRole: "",
};

const text = orUnknown(z.string()).optional();
const texts = orUnknown(z.array(orUnknown(z.string()))).optional();
const flag = orUnknown(z.boolean()).optional();
const milliseconds = orUnknown(z.int().min(0)).optional();
const schema = z.strictObject({
  name: orUnknown(z.string().min(1)),
  password: text,
  roles: texts,
  searchPaths: texts,
  encryptedPassword: flag,
  validUntil: text,
  connectionLimit: orUnknown(z.int().min(-1)).optional(),
  superuser: flag,
  createDatabase: flag,
  createRole: flag,
  inherit: flag,
  login: flag,
  replication: flag,
  bypassRowLevelSecurity: flag,
  skipDropRole: flag,
  skipReassignOwned: flag,
  statementTimeout: milliseconds,
  idleInTransactionSessionTimeout: milliseconds,
  assumeRole: text,
});

/**
 * `postgresql.Role` of @pulumi/postgresql 3.18 (terraform-provider-postgresql): the id is the name, and every change is an
 * update, including a rename. Every update rewrites the search path and memberships; other attributes only if they differ
 * from the state. Not implemented: generated names, `encrypted`, the write-only password.
 */
export function roleResource(connections: () => Connections): ResourceType {
  return {
    async check(_call, { news }) {
      const added = Object.keys(defaults).filter((key) => (news[key] ?? null) === null);
      return {
        inputs: markPassword({ ...defaults, ...withoutNulls(news), __defaults: added.sort() }),
        failures: checkInputs(schema, news),
      };
    },

    async diff(_call, { olds, news, ignoreChanges }) {
      const before = toRole(olds);
      const after = toRole(news);
      const detailed: Record<string, PropertyDiff> = {};
      for (const key of Object.keys(after) as (keyof Role)[]) {
        if (ignoreChanges.includes(key) || same(key, before[key], after[key])) continue;
        detailed[key] = { kind: key in news ? (key in olds ? "update" : "add") : "delete", inputDiff: false };
      }
      return { changes: Object.keys(detailed).length > 0, detailed };
    },

    async create(_call, { inputs, preview }) {
      if (preview) return { id: "", outputs: { ...withoutInternals(inputs), id: unknown } };
      const role = toRole(inputs);
      await connections().transaction((client) => createRole(client, role));
      return { id: role.name, outputs: await outputsOf(connections(), role.name, inputs) };
    },

    async update(_call, { olds, news, preview }) {
      const role = toRole(news);
      if (preview) return { outputs: { ...withoutInternals(news), id: reveal(news.name ?? null) } };
      await connections().transaction((client) => updateRole(client, toRole(olds), role));
      return { outputs: await outputsOf(connections(), role.name, news) };
    },

    async read(_call, { id, inputs, olds }) {
      const imported = Object.keys(olds).length === 0;
      const known = imported ? { ...defaults, name: id } : olds;
      const outputs = await findOutputs(connections(), id, known);
      if (!outputs) return undefined;
      const keys = imported
        ? Object.keys(outputs).filter((key) => key !== "id")
        : Object.keys(withoutInternals(inputs));
      const live = Object.fromEntries(keys.filter((key) => key in outputs).map((key) => [key, outputs[key] ?? null]));
      return { id: String(outputs.name), inputs: live, outputs };
    },

    async delete(_call, { olds }) {
      const { databaseUsername } = connections().config;
      await connections().transaction((client) => deleteRole(client, toRole(olds), databaseUsername));
    },
  };
}

async function createRole(client: Client, role: Role): Promise<void> {
  const options = [
    ...(role.password === "" ? [] : [passwordOption(role)]),
    ...(role.validUntil === "" ? [] : [`VALID UNTIL ${escapeLiteral(role.validUntil)}`]),
    `CONNECTION LIMIT ${role.connectionLimit}`,
    ...attributes.map(({ key, word }) => (role[key] ? word : `NO${word}`)),
  ];
  await run(
    client,
    `CREATE ROLE ${escapeIdentifier(role.name)} WITH ${options.join(" ")}`,
    `creating role ${role.name}`,
  );
  await grantRoles(client, role);
  await setSearchPath(client, role);
  if (role.statementTimeout !== 0) await setTimeouts(client, role, ["statementTimeout"]);
  if (role.idleInTransactionSessionTimeout !== 0) await setTimeouts(client, role, ["idleInTransactionSessionTimeout"]);
  if (role.assumeRole !== "") await setAssumedRole(client, role);
}

async function updateRole(client: Client, before: Role, after: Role): Promise<void> {
  const role = escapeIdentifier(after.name);
  const changed = (key: keyof Role) => !same(key, before[key], after[key]);
  const alter = (what: string, key: keyof Role) => run(client, `ALTER ROLE ${role} ${what}`, `updating role ${key}`);

  await lockRole(client, before.name);
  if (changed("name")) {
    await run(client, `ALTER ROLE ${escapeIdentifier(before.name)} RENAME TO ${role}`, "updating role name");
  }
  // A rename clears an md5 password, since its salt is the name.
  if ((changed("password") || changed("name")) && after.password !== "") {
    await alter(`PASSWORD ${escapeLiteral(after.password)}`, "password");
  }
  if (changed("connectionLimit")) await alter(`CONNECTION LIMIT ${after.connectionLimit}`, "connectionLimit");
  for (const { key, word } of attributes) {
    if (changed(key)) await alter(`WITH ${after[key] ? word : `NO${word}`}`, key);
  }
  if (changed("validUntil") && after.validUntil !== "") {
    await alter(`VALID UNTIL ${escapeLiteral(after.validUntil)}`, "validUntil");
  }
  for (const granted of await memberships(client, after.name)) {
    await run(
      client,
      `REVOKE ${escapeIdentifier(granted)} FROM ${role}`,
      `revoking role ${granted} from ${after.name}`,
    );
  }
  await grantRoles(client, after);
  await setSearchPath(client, after);
  await setTimeouts(client, after, (Object.keys(timeouts) as Timeout[]).filter(changed));
  if (changed("assumeRole")) await setAssumedRole(client, after);
}

/** Works in the admin's database only. If the role owns objects in another one, the server refuses to drop it (2BP01). */
async function deleteRole(client: Client, role: Role, heir: string): Promise<void> {
  const name = escapeIdentifier(role.name);
  await lockRole(client, role.name);
  if (!role.skipReassignOwned) {
    const to = escapeIdentifier(heir);
    await run(client, `REASSIGN OWNED BY ${name} TO ${to}`, `reassigning what ${role.name} owns to ${heir}`);
    await run(client, `DROP OWNED BY ${name}`, `dropping what is owned by role ${role.name}`);
  }
  if (!role.skipDropRole) await run(client, `DROP ROLE ${name}`, `deleting role ${role.name}`);
}

const attributes = [
  { key: "superuser", word: "SUPERUSER" },
  { key: "createDatabase", word: "CREATEDB" },
  { key: "createRole", word: "CREATEROLE" },
  { key: "inherit", word: "INHERIT" },
  { key: "login", word: "LOGIN" },
  { key: "bypassRowLevelSecurity", word: "BYPASSRLS" },
  { key: "replication", word: "REPLICATION" },
] as const;

const timeouts = {
  statementTimeout: "statement_timeout",
  idleInTransactionSessionTimeout: "idle_in_transaction_session_timeout",
} as const;
type Timeout = keyof typeof timeouts;

function passwordOption({ password, encryptedPassword }: Role): string {
  if (password.toUpperCase() === "NULL") return "PASSWORD NULL";
  return `${encryptedPassword ? "ENCRYPTED" : "UNENCRYPTED"} PASSWORD ${escapeLiteral(password)}`;
}

async function grantRoles(client: Client, role: Role): Promise<void> {
  for (const granted of role.roles) {
    const sql = `GRANT ${escapeIdentifier(granted)} TO ${escapeIdentifier(role.name)}`;
    await run(client, sql, `granting role ${granted} to ${role.name}`);
  }
}

async function setSearchPath(client: Client, role: Role): Promise<void> {
  const joined = role.searchPaths.find((schema) => schema.includes(", "));
  if (joined !== undefined) throw new Error(`search_path cannot contain \`, \`: ${joined}`);
  const path = role.searchPaths.length > 0 ? role.searchPaths.map(escapeIdentifier).join(", ") : "DEFAULT";
  const sql = `ALTER ROLE ${escapeIdentifier(role.name)} SET search_path TO ${path}`;
  await run(client, sql, `setting the search_path of ${role.name}`);
}

async function setTimeouts(client: Client, role: Role, keys: Timeout[]): Promise<void> {
  for (const key of keys) {
    const setting = timeouts[key];
    const change = role[key] === 0 ? `RESET ${setting}` : `SET ${setting} TO ${role[key]}`;
    await run(client, `ALTER ROLE ${escapeIdentifier(role.name)} ${change}`, `setting ${setting} of ${role.name}`);
  }
}

async function setAssumedRole(client: Client, role: Role): Promise<void> {
  const change = role.assumeRole === "" ? "RESET ROLE" : `SET ROLE TO ${escapeIdentifier(role.assumeRole)}`;
  await run(client, `ALTER ROLE ${escapeIdentifier(role.name)} ${change}`, `setting the role ${role.name} assumes`);
}

/** Waits for any other plugin that changes the same role or its members. */
async function lockRole(client: Client, name: string): Promise<void> {
  await client.query("SET statement_timeout = 0");
  await client.query("SELECT pg_advisory_xact_lock(oid::bigint) FROM pg_roles WHERE rolname = $1", [name]);
  await client.query(
    `SELECT pg_advisory_xact_lock(member::bigint)
     FROM pg_auth_members JOIN pg_roles ON roleid = pg_roles.oid
     WHERE rolname = $1`,
    [name],
  );
}

async function memberships(client: Client, name: string): Promise<string[]> {
  const { rows } = await client.query<{ granted: string }>(
    `SELECT pg_get_userbyid(roleid) AS granted
     FROM pg_auth_members JOIN pg_roles ON member = pg_roles.oid
     WHERE rolname = $1
     ORDER BY 1`,
    [name],
  );
  return rows.map(({ granted }) => granted);
}

async function run(client: Client, sql: string, doing: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    throw new Error(`error ${doing}: ${message}${code ? ` (${code})` : ""}`);
  }
}

async function outputsOf(connections: Connections, name: string, inputs: PropertyMap): Promise<PropertyMap> {
  const outputs = await findOutputs(connections, name, inputs);
  if (!outputs) throw new Error(`role ${name} was dropped immediately after the change`);
  return outputs;
}

/** Reads the role from the catalog; undefined if it does not exist. Properties that no catalog contains are those of `known`. */
async function findOutputs(
  connections: Connections,
  name: string,
  known: PropertyMap,
): Promise<PropertyMap | undefined> {
  const { password, skipDropRole, skipReassignOwned } = toRole(known);
  const live = await connections.session((client) => readRole(client, name, password, connections.config.superuser));
  if (!live) return undefined;
  const outputs: PropertyMap = { ...live, skipDropRole, skipReassignOwned, id: live.name };
  // An empty list is an output only if it was an input.
  for (const key of ["roles", "searchPaths"] as const)
    if (live[key].length === 0 && !(key in known)) delete outputs[key];
  if (password === "") delete outputs.password;
  return markPassword(outputs);
}

interface Row {
  rolname: string;
  rolsuper: boolean;
  rolinherit: boolean;
  rolcreaterole: boolean;
  rolcreatedb: boolean;
  rolcanlogin: boolean;
  rolconnlimit: number;
  rolvaliduntil: string;
  rolconfig: string[] | null;
  rolreplication: boolean;
  rolbypassrls: boolean;
}

async function readRole(
  client: Client,
  name: string,
  password: string,
  isRead: boolean,
): Promise<Omit<Role, "skipDropRole" | "skipReassignOwned"> | undefined> {
  const { rows } = await client.query<Row>(
    `SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit,
            COALESCE(rolvaliduntil::text, 'infinity') AS rolvaliduntil, rolconfig, rolreplication, rolbypassrls
     FROM pg_roles
     WHERE rolname = $1`,
    [name],
  );
  const row = rows[0];
  if (!row) return undefined;
  const settings = new Map((row.rolconfig ?? []).map((entry) => split(entry)));
  return {
    name: row.rolname,
    password: password === "" || !isRead ? password : await readPassword(client, name, password, row.rolcanlogin),
    roles: await memberships(client, name),
    searchPaths: (settings.get("search_path")?.split(", ") ?? []).map((schema) => schema.replace(/^"+|"+$/g, "")),
    encryptedPassword: true,
    validUntil: row.rolvaliduntil,
    connectionLimit: row.rolconnlimit,
    superuser: row.rolsuper,
    createDatabase: row.rolcreatedb,
    createRole: row.rolcreaterole,
    inherit: row.rolinherit,
    login: row.rolcanlogin,
    replication: row.rolreplication,
    bypassRowLevelSecurity: row.rolbypassrls,
    statementTimeout: readTimeout(settings, "statement_timeout"),
    idleInTransactionSessionTimeout: readTimeout(settings, "idle_in_transaction_session_timeout"),
    assumeRole: settings.get("role") ?? "",
  };
}

/** Only integers are supported: a value such as `5min` fails the refresh (terraform-provider-postgresql #161). */
function readTimeout(settings: Map<string, string>, setting: string): number {
  const value = settings.get(setting);
  if (value === undefined) return 0;
  if (!/^[+-]?\d+$/.test(value)) throw new Error(`error reading ${setting}: parsing "${value}": invalid syntax`);
  return Number(value);
}

/** The catalog's password, or the state's if the two cannot be compared. */
async function readPassword(client: Client, name: string, known: string, canLogin: boolean): Promise<string> {
  // The view shows only roles that can log in.
  if (!canLogin) return known;
  const { rows: self } = await client.query<{ rolsuper: boolean; rolname: string }>(
    "SELECT rolsuper, rolname FROM pg_roles WHERE rolname = CURRENT_USER",
  );
  if (!self[0]?.rolsuper) {
    throw new Error(
      `could not read role password from Postgres as connected user ${self[0]?.rolname} is not a SUPERUSER`,
    );
  }
  const { rows } = await client.query<{ passwd: string }>(
    "SELECT COALESCE(passwd, '') AS passwd FROM pg_shadow WHERE usename = $1",
    [name],
  );
  const stored = rows[0]?.passwd ?? "";
  const isPlain = !known.startsWith("md5") && !known.startsWith("SCRAM-SHA-256");
  const md5 = `md5${createHash("md5")
    .update(known + name)
    .digest("hex")}`;
  // The official plugin does not compare a plain password with a SCRAM verifier, so it misses manual changes.
  return isPlain && (stored === md5 || stored.startsWith("SCRAM-SHA-256")) ? known : stored;
}

function split(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return [entry.slice(0, at), entry.slice(at + 1)];
}

/** Converts inputs or outputs to a complete role. Keeps unknown values, which exist only in previews. */
function toRole(properties: PropertyMap): Role {
  const given = reveal(withoutInternals(withoutNulls(properties))) as PropertyMap;
  const { id: _, ...rest } = given;
  return { ...blanks, ...defaults, ...rest } as unknown as Role;
}

function same(key: keyof Role, before: Role[keyof Role], after: Role[keyof Role]): boolean {
  if (key === "roles" && Array.isArray(before) && Array.isArray(after)) {
    return isDeepStrictEqual(new Set(before), new Set(after));
  }
  return isDeepStrictEqual(before, after);
}

function markPassword(properties: PropertyMap): PropertyMap {
  const password: PropertyValue | undefined = properties.password;
  if (password === undefined || password instanceof Secret) return properties;
  return { ...properties, password: new Secret(password) };
}
