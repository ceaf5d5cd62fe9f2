import type { z } from "zod";
import { configPath } from "../model/config-path.ts";
import { didYouMean } from "../model/did-you-mean.ts";
import { found, foundKind } from "../model/found.ts";
import type { Problem } from "./config-error.ts";
import { entries, secretSections, singles } from "./schema/index.ts";
import { keysAt } from "./schema/keys.ts";

/** The entries of one section: the valid ones, and the names of all, so that checks can ignore an invalid one. */
export interface Section<T> {
  valid: Map<string, T>;
  declared: ReadonlySet<string>;
  /** False if the section as a whole is invalid, so that its entries are unknown. */
  isReadable: boolean;
}

export type Single<K extends keyof typeof singles> = z.output<(typeof singles)[K]>;
export type Entry<K extends keyof typeof entries> = z.output<(typeof entries)[K]>;

/** The configuration by section; an invalid single is undefined. */
export type Sections = { [K in keyof typeof singles]: Single<K> | undefined } & {
  [K in keyof typeof entries]: Section<Entry<K>>;
};

/** Reads every section by its schema, and adds all problems to `problems`. */
export function readSections(config: Record<string, unknown>, problems: Problem[]): Sections {
  const known = [...Object.keys(singles), ...Object.keys(entries)];
  for (const key of Object.keys(config)) {
    if (!known.includes(key)) problems.push({ path: configPath([key]), message: unknownKey([key], known) });
  }
  const single = <K extends keyof typeof singles>(key: K) =>
    read(singles[key] as unknown as z.ZodType<Single<K>>, config[key], [key], problems);
  const section = <K extends keyof typeof entries>(key: K) =>
    readEntries(key, entries[key] as unknown as z.ZodType<Entry<K>>, config[key], problems);
  return {
    server: single("server"),
    adminPassword: single("adminPassword"),
    pendingAdminPassword: single("pendingAdminPassword"),
    ceiling: single("ceiling"),
    defaults: single("defaults"),
    rehearse: single("rehearse"),
    maxCutoversPerUp: single("maxCutoversPerUp"),
    migrationComplete: single("migrationComplete"),
    rollbackKit: single("rollbackKit"),
    databases: section("databases"),
    roles: section("roles"),
    existingRoles: section("existingRoles"),
    services: section("services"),
    serviceSecrets: section("serviceSecrets"),
  };
}

function readEntries<T>(key: string, schema: z.ZodType<T>, written: unknown, problems: Problem[]): Section<T> {
  const valid = new Map<string, T>();
  if (written === undefined) return { valid, declared: new Set(), isReadable: true };
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    problems.push({
      path: configPath([key]),
      message: `expected names with their keys, found ${shown(key)(written)}`,
    });
    return { valid, declared: new Set(), isReadable: false };
  }
  for (const [name, entry] of Object.entries(written)) {
    const result = read(schema, entry, [key, name], problems);
    if (result !== undefined) valid.set(name, result);
  }
  return { valid, declared: new Set(Object.keys(written)), isReadable: true };
}

function read<T>(schema: z.ZodType<T>, written: unknown, base: string[], problems: Problem[]): T | undefined {
  const result = schema.safeParse(written, { reportInput: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) problems.push(...issueProblems(issue, schema, base));
  return undefined;
}

function issueProblems(issue: z.core.$ZodIssue, schema: z.core.$ZodType, base: string[]): Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => ({ path: configPath([...path, key]), message: unknownKey([...path, key], known) }));
  }
  const expected = issue.code === "custom" ? issue.params?.expected : undefined;
  if (typeof expected === "string") {
    return [{ path: configPath(path), message: `expected ${expected}, found ${shown(base[0])(issue.input)}` }];
  }
  if (issue.code === "custom") return [{ path: configPath(path), message: issue.message }];
  const keys = keysAt(schema, issue.path);
  const what = keys.length > 0 ? `the keys ${keys.join(", ")}` : "names and values";
  return [{ path: configPath(path), message: `expected ${what}, found ${shown(base[0])(issue.input)}` }];
}

function shown(section: string | undefined): (value: unknown) => string {
  return section !== undefined && secretSections.includes(section) ? foundKind : found;
}

function unknownKey(path: readonly PropertyKey[], known: string[]): string {
  const meant = didYouMean(String(path.at(-1)), known);
  return meant ? `unknown key; did you mean ${meant}?` : `unknown key; known here: ${known.join(", ")}`;
}
