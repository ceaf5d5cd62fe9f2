import { escapeIdentifier } from "pg";
import type { DefaultAcl } from "../baseline/contract.ts";
import { type Grant, parseAcl } from "../postgres/acl.ts";

/**
 * A default privilege that the new owner takes over from a previous one. Default privileges belong to the role that creates an
 * object: once the new owner runs the migrations, the grants (and revokes, such as EXECUTE from PUBLIC) of the previous
 * owners' default privileges would be missing on new objects.
 */
export interface CarryOver {
  /** Role whose future objects it applies to. */
  creator: string;
  /** Null: all schemas. */
  schema: string | null;
  objectType: string;
  action: "grant" | "revoke";
  privilege: string;
  /** Empty: PUBLIC. */
  grantee: string;
  grantable: boolean;
}

/** pg_default_acl.defaclobjtype to the word in ALTER DEFAULT PRIVILEGES. */
const objectTypes: Record<string, string> = {
  r: "TABLES",
  S: "SEQUENCES",
  f: "FUNCTIONS",
  T: "TYPES",
  n: "SCHEMAS",
  L: "LARGE OBJECTS",
};

/** Built-in default privileges of PUBLIC on a new object (acldefault). */
const publicDefaults: Record<string, string[]> = { f: ["EXECUTE"], T: ["USAGE"] };

interface Entry {
  privilege: string;
  grantee: string;
  grantable: boolean;
}

/**
 * Default privileges of `sources` that `owner` lacks. Those for `managed` roles are left out, because Privileges grants them by
 * name.
 */
export function missingDefaults(owner: string, sources: string[], managed: string[], live: DefaultAcl[]): CarryOver[] {
  const skipped = new Set([owner, ...managed]);
  const rows = live.filter((row) => sources.includes(row.creator) && row.creator !== owner);
  const wanted = rows.flatMap((row) => {
    const place = { creator: owner, schema: row.schema, objectType: row.objectType };
    const entries = entriesOf(row);
    const grants = entries
      .filter((entry) => !skipped.has(entry.grantee) && entry.grantee !== row.creator && !isDefault(row, entry))
      .map((entry) => ({ ...place, action: "grant" as const, ...entry }));
    return [
      ...grants,
      ...withheldFromPublic(row, entries).map((entry) => ({ ...place, action: "revoke" as const, ...entry })),
    ];
  });
  return unique(wanted).filter((item) => !holds(live, item));
}

/** Changes that restore the default privileges of `owner` from the baseline, except those of `managed` roles. */
export function restoredDefaults(
  owner: string,
  managed: string[],
  live: DefaultAcl[],
  recorded: DefaultAcl[],
): CarryOver[] {
  const skipped = new Set([owner, ...managed]);
  const present = live.filter((row) => row.creator === owner);
  const before = recorded.filter((row) => row.creator === owner);
  const place = (row: DefaultAcl) => ({ creator: owner, schema: row.schema, objectType: row.objectType });
  const extra = present.flatMap((row) =>
    entriesOf(row)
      .filter((entry) => !skipped.has(entry.grantee) && !isDefault(row, entry))
      .map((entry) => ({ ...place(row), action: "grant" as const, ...entry }))
      .filter((item) => !holds(before, item))
      .map((item) => ({ ...item, action: "revoke" as const })),
  );
  const withheld = present.flatMap((row) =>
    withheldFromPublic(row, entriesOf(row))
      .map((entry) => ({ ...place(row), action: "revoke" as const, ...entry }))
      .filter((item) => !holds(before, item))
      .map((item) => ({ ...item, action: "grant" as const })),
  );
  const lost = before.flatMap((row) =>
    entriesOf(row)
      .filter((entry) => !skipped.has(entry.grantee))
      .map((entry) => ({ ...place(row), action: "grant" as const, ...entry }))
      .filter((item) => !holds(live, item)),
  );
  return unique([...extra, ...withheld, ...lost]);
}

function entriesOf(row: DefaultAcl): Entry[] {
  return parseAcl(row.acl).map(({ privilege, grantee, grantable }: Grant) => ({ privilege, grantee, grantable }));
}

/** Only rows for all schemas replace the built-in defaults; rows for a schema add to them. */
function isDefault(row: DefaultAcl, entry: Entry): boolean {
  return row.schema === null && entry.grantee === "" && !!publicDefaults[row.objectType]?.includes(entry.privilege);
}

function withheldFromPublic(row: DefaultAcl, entries: Entry[]): Entry[] {
  if (row.schema !== null) return [];
  return (publicDefaults[row.objectType] ?? [])
    .filter((privilege) => !entries.some((entry) => entry.grantee === "" && entry.privilege === privilege))
    .map((privilege) => ({ privilege, grantee: "", grantable: false }));
}

/** Whether the item is already in effect. */
function holds(live: DefaultAcl[], item: CarryOver): boolean {
  const row = live.find(
    (one) => one.creator === item.creator && one.schema === item.schema && one.objectType === item.objectType,
  );
  const byDefault =
    item.schema === null && item.grantee === "" && !!publicDefaults[item.objectType]?.includes(item.privilege);
  const has = row
    ? entriesOf(row).some(
        (entry) =>
          entry.grantee === item.grantee && entry.privilege === item.privilege && (entry.grantable || !item.grantable),
      )
    : byDefault;
  return item.action === "grant" ? has : !has;
}

function unique(items: CarryOver[]): CarryOver[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

/** Lines of the plan, by creator and schema. */
export function describeDefaults(items: CarryOver[]): Record<string, string> {
  const lines = new Map<string, string[]>();
  for (const item of items) {
    const key = `default privileges of ${item.creator} in ${item.schema ?? "all schemas"}`;
    const preposition = item.action === "grant" ? "to" : "from";
    const what = `${item.action} ${item.privilege} on ${objectTypes[item.objectType]?.toLowerCase()}`;
    lines.set(key, [...(lines.get(key) ?? []), `${what} ${preposition} ${item.grantee || "PUBLIC"}`]);
  }
  return Object.fromEntries([...lines].map(([key, parts]) => [key, parts.join(", ")]));
}

export function defaultStatements(items: CarryOver[]): string[] {
  return items.map((item) => {
    const place = item.schema === null ? "" : ` IN SCHEMA ${escapeIdentifier(item.schema)}`;
    const grantee = item.grantee === "" ? "PUBLIC" : escapeIdentifier(item.grantee);
    const what = `${item.privilege} ON ${objectTypes[item.objectType]}`;
    const change =
      item.action === "grant"
        ? `GRANT ${what} TO ${grantee}${item.grantable ? " WITH GRANT OPTION" : ""}`
        : `REVOKE ${what} FROM ${grantee}`;
    return `ALTER DEFAULT PRIVILEGES FOR ROLE ${escapeIdentifier(item.creator)}${place} ${change}`;
  });
}
