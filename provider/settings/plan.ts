import { escapeIdentifier, escapeLiteral } from "pg";
import type { RoleSetting, SettingRule } from "./settings.ts";
import { isNameList, sameSetting, splitNameList } from "./values.ts";

/** One ALTER ROLE ... SET or RESET. */
export interface SettingChange {
  database: string;
  name: string;
  /** Undefined: not set. */
  from: string | undefined;
  /** Undefined: reset it. */
  to: string | undefined;
}

/**
 * The changes from the role's live settings to the wanted ones. Settings of the last up (`previous`) that are no longer wanted
 * are restored from the baseline, or reset if it has none; all other settings are left alone.
 */
export function planSettings(
  wanted: RoleSetting[],
  previous: Pick<RoleSetting, "database" | "name">[],
  live: RoleSetting[],
  baseline: RoleSetting[],
  rules: Map<string, SettingRule>,
): SettingChange[] {
  const [current, original] = [byPlace(live), byPlace(baseline)];
  const goals = byPlace(wanted);
  const dropped = previous
    .filter((setting) => !goals.has(placeOf(setting)))
    .map(({ database, name }) => ({ database, name, to: original.get(placeOf({ database, name }))?.value }));
  const targets = [...wanted.map(({ database, name, value }) => ({ database, name, to: value })), ...dropped];
  return targets.flatMap(({ database, name, to }) => {
    const from = current.get(placeOf({ database, name }))?.value;
    const isSame =
      from === undefined || to === undefined ? from === to : sameSetting(name, rules.get(name.toLowerCase()), from, to);
    return isSame ? [] : [{ database, name, from, to }];
  });
}

function byPlace(settings: RoleSetting[]): Map<string, RoleSetting> {
  return new Map(settings.map((setting) => [placeOf(setting), setting]));
}

function placeOf({ database, name }: Pick<RoleSetting, "database" | "name">): string {
  return JSON.stringify([database, name.toLowerCase()]);
}

/** The plan in words: `work_mem in tracksolid_db` to `32MB -> 64MB`. */
export function describeSettings(changes: SettingChange[]): Record<string, string> {
  return Object.fromEntries(changes.map((change) => [nameOf(change), `${shown(change.from)} -> ${shown(change.to)}`]));
}

function shown(value: string | undefined): string {
  return value === "" ? "''" : (value ?? "unset");
}

export function nameOf({ database, name }: Pick<RoleSetting, "database" | "name">): string {
  return database === "" ? name : `${name} in ${database}`;
}

export function settingStatement(role: string, { database, name, to }: SettingChange): string {
  const scope = database === "" ? "" : ` IN DATABASE ${escapeIdentifier(database)}`;
  const setting = name.split(".").map(escapeIdentifier).join(".");
  const change = to === undefined ? `RESET ${setting}` : `SET ${setting} TO ${literalOf(name, to)}`;
  return `ALTER ROLE ${escapeIdentifier(role)}${scope} ${change}`;
}

function literalOf(name: string, value: string): string {
  const names = isNameList(name) ? splitNameList(value) : undefined;
  // An empty list is written as one empty literal.
  return names && names.length > 0 ? names.map(escapeLiteral).join(", ") : escapeLiteral(value);
}
