import { didYouMean } from "./did-you-mean.ts";
import { durationExpected, milliseconds } from "./duration.ts";
import { found } from "./found.ts";

/** A setting's normalized value: milliseconds for the two timeouts, a list (possibly empty) for search_path, else text. */
export type SettingValue = string | number | string[];

/** Settings by name in lower case, as Postgres compares names; null sets nothing, and for one role removes a default. */
export type Settings = Record<string, SettingValue | null>;

/** The settings that only the official `Role` may write, because its next update would undo any other write. */
const ofRole = {
  statement_timeout: "statementTimeout",
  idle_in_transaction_session_timeout: "idleInTransactionSessionTimeout",
  search_path: "searchPath",
} as const;

/**
 * An empty search_path for the official `Role`, which cannot write one (Postgres rejects the identifier `""`, and an empty list
 * means DEFAULT). Equivalent, because Postgres refuses to create a schema whose name begins with pg_.
 */
const noSchema = "pg_no_schema";

/** Common settings, to suggest one for a misspelt name. */
const common = [
  ...Object.keys(ofRole),
  "idle_session_timeout",
  "lock_timeout",
  "work_mem",
  "timezone",
  "log_statement",
];

/** A role's settings, by the resource that writes them; no setting is in both. */
export interface RoleSettings {
  /** For the official `Role`: timeouts in milliseconds, search_path as a list of schemas. */
  role: { statementTimeout?: number; idleInTransactionSessionTimeout?: number; searchPath?: string[] };
  /** For `pgaccess:index:RoleSettings`: name to value, as in postgresql.conf. */
  other: Record<string, string>;
}

/** The values of a setting, for error messages. */
const settingExpected = "a text, a number, true, false, or null (no default for this role)";

/** Why this cannot be the name of a setting; undefined if it can. The preview checks whether the server knows it. */
function settingNameProblem(name: string): string | undefined {
  if (/^[a-z_][\w$]*(\.[a-z_][\w$]*)*$/i.test(name)) return undefined;
  const meant = didYouMean(name.replaceAll(/[\s-]/g, "_"), common);
  return `expected the name of a Postgres setting${meant ? `; did you mean ${meant}?` : ""}`;
}

/**
 * One value in its normalized form (`on`, "on" and true are the same), or its problem. Other settings stay text, because Postgres
 * reads their units.
 */
export function settingValue(name: string, written: unknown): { value: SettingValue | null } | { problem: string } {
  if (written === null) return { value: null };
  if (name === "search_path") return searchPath(written);
  if (name === "statement_timeout" || name === "idle_in_transaction_session_timeout") return timeout(written);
  if (typeof written === "boolean") return { value: written ? "on" : "off" };
  if (typeof written === "number" && Number.isFinite(written)) return { value: String(written) };
  if (typeof written === "string" && written.isWellFormed() && !written.includes("\0")) return { value: written };
  return { problem: `expected ${settingExpected}, found ${found(written)}` };
}

/** All settings in normalized form, by name in lower case; `refuse` receives each problem with the name as written. */
export function readSettings(written: object, refuse: (name: string, problem: string) => void): Settings {
  const settings = new Map<string, Settings[string]>();
  for (const [name, setting] of Object.entries(written)) {
    const lower = name.toLowerCase();
    const read = settingValue(lower, setting);
    const problem =
      settingNameProblem(name) ??
      ("problem" in read ? read.problem : settings.has(lower) ? "given twice: case does not matter" : undefined);
    if (problem !== undefined) refuse(name, problem);
    else if ("value" in read) settings.set(lower, read.value);
  }
  return Object.fromEntries(settings);
}

/** Settings split by the resource that writes them; null sets nothing. */
export function splitSettings(settings: Settings): RoleSettings {
  const split: RoleSettings = { role: {}, other: {} };
  for (const [name, value] of Object.entries(settings)) {
    if (value === null) continue;
    if (name === "search_path" && Array.isArray(value)) split.role.searchPath = value.length > 0 ? value : [noSchema];
    else if (name === "statement_timeout" && typeof value === "number") split.role.statementTimeout = value;
    else if (name === "idle_in_transaction_session_timeout" && typeof value === "number") {
      split.role.idleInTransactionSessionTimeout = value;
    } else split.other[name] = String(value);
  }
  return split;
}

/** The settings of the official `Role` in a role's `name=value` entries (pg_db_role_setting). */
export function readPreviousSettings(entries: string[]): RoleSettings["role"] {
  const written = Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
  const own = Object.keys(ofRole).flatMap((name) => (Object.hasOwn(written, name) ? [[name, written[name]]] : []));
  return splitSettings(readSettings(Object.fromEntries(own), () => undefined)).role;
}

/** All settings of a role as in postgresql.conf; null sets nothing. */
export function settingTexts(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => {
      if (value === null) return [];
      if (!Array.isArray(value)) return [[name, String(value)]];
      return [[name, value.length > 0 ? value.map(quotedName).join(", ") : '""']];
    }),
  );
}

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function timeout(written: unknown): { value: number } | { problem: string } {
  const value = typeof written === "string" || typeof written === "number" ? milliseconds(written) : undefined;
  if (value === undefined) return { problem: `expected ${durationExpected}, at most 24 days, found ${found(written)}` };
  // For the official Role 0 means "reset", not "no timeout".
  if (value === 0)
    return { problem: "expected at least 1ms, found 0 (no timeout); to set none, omit it or write null" };
  return { value };
}

function searchPath(written: unknown): { value: string[] } | { problem: string } {
  const schemas = typeof written === "string" ? splitList(written) : written;
  // How Postgres shows an empty one.
  if (Array.isArray(schemas) && schemas.length === 1 && schemas[0] === "") return { value: [] };
  if (!Array.isArray(schemas) || !schemas.every(isSchemaName)) {
    return {
      problem: `expected a list of schemas, such as [tracksolid, public], or [] for none, found ${found(written)}`,
    };
  }
  // The official Role reads the list back by splitting at `, `.
  if (schemas.some((schema) => schema.includes(", "))) {
    return {
      problem: 'expected schemas without ", " in their names, because the Role resource could not read them back',
    };
  }
  return { value: schemas };
}

function isSchemaName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.isWellFormed() && !value.includes("\0");
}

/** A list as postgresql.conf reads it (`"$user", Public`): quoted names as they are, others in lower case; undefined if malformed. */
function splitList(text: string): string[] | undefined {
  const names: string[] = [];
  if (/^\s*(?:"")?\s*$/.test(text)) return names;
  const item = /\s*(?:"((?:[^"]|"")+)"|([^\s",]+))\s*(,|$)/y;
  while (item.lastIndex < text.length) {
    const match = item.exec(text);
    if (!match) return undefined;
    names.push(match[1]?.replaceAll('""', '"') ?? match[2]?.toLowerCase() ?? "");
    if (match[3] === "" && item.lastIndex === text.length) return names;
  }
  return undefined;
}
