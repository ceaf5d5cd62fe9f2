import type { SettingRule } from "./settings.ts";

/**
 * Settings with a list of names, which ALTER ROLE ... SET needs as separate literals: GUC_LIST_QUOTE in the source of Postgres;
 * pg_dump has the same list (variable_is_guc_list_quote).
 */
const nameLists = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

export function isNameList(name: string): boolean {
  return nameLists.has(name.toLowerCase());
}

/** Milliseconds (PostgreSQL documentation, "Setting Parameters"). */
const timeUnits = new Map([
  ["us", 0.001],
  ["ms", 1],
  ["s", 1000],
  ["min", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
/** Bytes. Units are case-sensitive, as in Postgres. */
const memoryUnits = new Map([
  ["B", 1],
  ["kB", 1024],
  ["MB", 1024 ** 2],
  ["GB", 1024 ** 3],
  ["TB", 1024 ** 4],
]);

/** The value in canonical form, or the problem with it. */
export type Parsed = { canonical: string } | { problem: string };

/** Parses a value by the server's rule for the setting; without a rule (a custom setting) any text is valid. */
export function parseSetting(name: string, rule: SettingRule | undefined, value: string): Parsed {
  if (isNameList(name)) return parseNameList(value);
  switch (rule?.vartype) {
    case "bool":
      return parseBoolean(value);
    case "integer":
    case "real":
      return parseNumber(rule, value);
    case "enum":
      return parseChoice(rule, value);
    default:
      return { canonical: value };
  }
}

/** Whether two values are equivalent; an invalid value only equals itself. */
export function sameSetting(name: string, rule: SettingRule | undefined, a: string, b: string): boolean {
  const [one, other] = [parseSetting(name, rule, a), parseSetting(name, rule, b)];
  return "canonical" in one && "canonical" in other ? one.canonical === other.canonical : a === b;
}

function parseBoolean(value: string): Parsed {
  const canonical = asBoolean(value);
  return canonical ? { canonical } : { problem: `${value} is not a boolean: use on or off` };
}

/** Postgres accepts every unambiguous prefix. */
function asBoolean(value: string): "on" | "off" | undefined {
  const text = value.trim().toLowerCase();
  if (text === "") return undefined;
  if (text === "1" || text === "on" || "true".startsWith(text) || "yes".startsWith(text)) return "on";
  if (text === "0" || text === "of" || text === "off" || "false".startsWith(text) || "no".startsWith(text))
    return "off";
  return undefined;
}

function parseChoice(rule: SettingRule, value: string): Parsed {
  const values = rule.values ?? [];
  const found = values.find((one) => one.toLowerCase() === value.toLowerCase());
  if (found) return { canonical: found };
  // Postgres accepts other words for on and off without listing them.
  const boolean = asBoolean(value);
  if (boolean && values.includes(boolean)) return { canonical: boolean };
  return { problem: `${value} is not one of ${values.join(", ")}` };
}

function parseNumber(rule: SettingRule, value: string): Parsed {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z]*)$/i.exec(value.trim());
  // Postgres reads a leading zero as octal, which is never intended.
  if (!match || /^[+-]?0\d/.test(value.trim())) return { problem: `${value} is not a number` };
  const [, digits, unit] = match as unknown as [string, string, string];
  const factor = unit === "" ? 1 : factorOf(unit, rule.unit);
  if (factor === undefined) return { problem: unitProblem(unit, rule) };
  const exact = Number(digits) * factor;
  const amount = rule.vartype === "integer" ? Math.round(exact) : exact;
  if (rule.min !== null && rule.max !== null && (amount < Number(rule.min) || amount > Number(rule.max))) {
    const suffix = rule.unit ? ` (in ${rule.unit})` : "";
    return { problem: `${value} is not between ${rule.min} and ${rule.max}${suffix}` };
  }
  return { canonical: String(amount) };
}

/** The factor from `unit` to the setting's own unit; undefined when they do not match. */
function factorOf(unit: string, own: string | null): number | undefined {
  const [, count, name] = /^(\d*)(.+)$/.exec(own ?? "") ?? [];
  if (name === undefined) return undefined;
  const units = timeUnits.has(name) ? timeUnits : memoryUnits;
  const [from, base] = [units.get(unit), units.get(name)];
  return from === undefined || base === undefined ? undefined : from / (base * Number(count || 1));
}

function unitProblem(unit: string, rule: SettingRule): string {
  if (!rule.unit) return `it takes a number without a unit, not ${unit}`;
  const units = [...(timeUnits.has(rule.unit) ? timeUnits : memoryUnits).keys()];
  return `${unit} is not a valid unit: use ${units.join(", ")} (default: ${rule.unit})`;
}

function parseNameList(value: string): Parsed {
  const names = splitNameList(value);
  // Postgres stores an empty list as one empty name.
  const isEmpty = names?.every((name) => name === "");
  return names
    ? { canonical: JSON.stringify(isEmpty ? [] : names) }
    : { problem: `${value} is not a list of names such as a, b, "C d"` };
}

/** The names in `a, "B c"`; unquoted names in lower case, as in Postgres. Undefined when it is not a list of names. */
export function splitNameList(value: string): string[] | undefined {
  const names: string[] = [];
  let rest = value.trim();
  if (rest === "") return names;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^\s",]+))\s*(,|$)\s*/.exec(rest);
    if (!match) return undefined;
    names.push(match[1]?.replaceAll('""', '"') ?? (match[2] as string).toLowerCase());
    rest = rest.slice(match[0].length);
    if (match[3] === "") return names;
  }
}

/** A value as in postgresql.conf. */
export function settingText(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  return String(value);
}
