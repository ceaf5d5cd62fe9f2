import { escapeIdentifier } from "pg";
import type { DefaultAcl } from "../baseline/contract.ts";
import { type Grant, parseAcl } from "../postgres/acl.ts";

/**
 * Default privileges belong to the role that makes an object. Once another role owns the schemas and runs the
 * migrations, new objects would miss what the former owners' default privileges gave (or took, such as EXECUTE from
 * PUBLIC): the new owner gets the same.
 */
export interface CarryOver {
  /** Role whose future objects it is about. */
  creator: string;
  /** Null: in all schemas. */
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

/** What PUBLIC may do on a new object when nothing is said (acldefault). */
const publicDefaults: Record<string, string[]> = { f: ["EXECUTE"], T: ["USAGE"] };

interface Entry {
  privilege: string;
  grantee: string;
  grantable: boolean;
}

/**
 * What `owner` lacks of the default privileges of `sources`. `managed` roles are left out: their own default
 * privileges are given to them by name.
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

/** What leads from the live default privileges of `owner` back to the recorded ones; `managed` roles are left alone. */
export function defaultsBack(
  owner: string,
  managed: string[],
  live: DefaultAcl[],
  recorded: DefaultAcl[],
): CarryOver[] {
  const skipped = new Set([owner, ...managed]);
  const mine = live.filter((row) => row.creator === owner);
  const before = recorded.filter((row) => row.creator === owner);
  const place = (row: DefaultAcl) => ({ creator: owner, schema: row.schema, objectType: row.objectType });
  const extra = mine.flatMap((row) =>
    entriesOf(row)
      .filter((entry) => !skipped.has(entry.grantee) && !isDefault(row, entry))
      .map((entry) => ({ ...place(row), action: "grant" as const, ...entry }))
      .filter((item) => !holds(before, item))
      .map((item) => ({ ...item, action: "revoke" as const })),
  );
  const withheld = mine.flatMap((row) =>
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

/** Only the rows for all schemas start from the built-in defaults; those of a schema add to them. */
function isDefault(row: DefaultAcl, entry: Entry): boolean {
  return row.schema === null && entry.grantee === "" && !!publicDefaults[row.objectType]?.includes(entry.privilege);
}

function withheldFromPublic(row: DefaultAcl, entries: Entry[]): Entry[] {
  if (row.schema !== null) return [];
  return (publicDefaults[row.objectType] ?? [])
    .filter((privilege) => !entries.some((entry) => entry.grantee === "" && entry.privilege === privilege))
    .map((privilege) => ({ privilege, grantee: "", grantable: false }));
}

/** Whether the live rows already say what the item would make them say. */
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

/** The plan's key and line: default privileges of one creator in one place. */
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
