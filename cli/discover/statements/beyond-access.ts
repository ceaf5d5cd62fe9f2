import type { Grants } from "../../../model/grants.ts";
import { type Evidence, evidenceLine, type Reason, type Use, useText } from "../evidence.ts";
import type { NamesInDatabase } from "./names-in-database.ts";
import { canAlsoOwn, isImplied, type Standing, type UsedObject, usedObject } from "./used-object.ts";

type Section = "schemas" | "tables" | "sequences" | "functions" | "types";

const sectionOf = {
  schema: "schemas",
  table: "tables",
  sequence: "sequences",
  function: "functions",
  type: "types",
} as const;

/** Something that a role needs beyond its access level. */
export interface Beyond {
  /** The explicit grant that gives it. */
  grant?: { section: Section | "database"; object: string; privilege: string } | undefined;
  /** The object that its role must own, in the configuration's form. */
  alsoOwn?: string | undefined;
  reason: Reason;
}

interface Facts {
  names: NamesInDatabase;
  now: Date;
}

/** What the access level does not give. */
export function beyondAccess(evidence: Evidence, standing: Standing, { names, now }: Facts): Beyond[] {
  const uses = [...evidence.uses, ...schemaUses(evidence.uses)];
  const objects = uses.flatMap((use) => {
    const object = usedObject(use, names);
    return object && !isImplied(use, object, standing) ? [{ use, object }] : [];
  });
  const byNeed = Map.groupBy(objects, ({ use }) => JSON.stringify([use.kind, use.schema, use.name, use.privilege]));
  const beyond = [...byNeed.values()].map((group) => {
    const { use, object } = (group.find(({ use }) => use.certainty === "certain") ??
      group[0]) as (typeof group)[number];
    const line = evidenceLine(use, now);
    const place = placeOf(use, object, standing);
    const reason = { line, what: useText(use), certainty: use.certainty };
    return { ...place, reason: { ...reason, ...place.reason } };
  });
  return [...beyond, ...ofSuperusers(evidence, names)].toSorted((a, b) =>
    a.reason.subject < b.reason.subject ? -1 : a.reason.subject > b.reason.subject ? 1 : 0,
  );
}

/** A use of an object needs USAGE on its schema. */
function schemaUses(uses: Use[]): Use[] {
  const first = new Map<string, Use>();
  for (const use of uses) {
    if (use.schema !== "" && !first.has(use.schema)) {
      const { schema, columns: _, ...rest } = use;
      first.set(schema, { ...rest, kind: "schema", schema: "", name: schema, privilege: "USAGE" });
    }
  }
  return [...first.values()];
}

function placeOf(
  use: Use,
  object: UsedObject,
  { schemas }: Standing,
): Omit<Beyond, "reason"> & { reason: { subject: string; line?: string; what?: string } } {
  const { kind, schema, name, privilege } = use;
  if (privilege === "OWNER") {
    if (canAlsoOwn(use, object, schemas)) return { alsoOwn: nameOf(schema, name), reason: { subject: "alsoOwn" } };
    return { reason: { subject: "superuser" } };
  }
  if (privilege === "VACUUM") return { reason: { subject: "skipped" } };
  if (/^(pg_|information_schema$)/.test(kind === "schema" ? name : schema)) return { reason: { subject: "superuser" } };
  if (kind === "database")
    return { grant: { section: "database", object: "", privilege }, reason: { subject: "database" } };
  const section = sectionOf[kind as keyof typeof sectionOf];
  const key = kind === "schema" ? partOf(name) : nameOf(schema, name);
  return { grant: { section, object: key, privilege }, reason: { subject: `${section}.${key}` } };
}

/** Settings and roles that only a superuser can change to. */
function ofSuperusers({ habits: { settings, becomes } }: Evidence, { catalog }: NamesInDatabase): Beyond[] {
  const named = [
    ...new Set(settings.map(({ name }) => name.toLowerCase()).filter((name) => catalog.superuserSettings.has(name))),
  ].map((name) => `SET ${name}, which only a superuser can change`);
  const roles = [...new Set(becomes)].map((role) => `SET ROLE ${role}, which needs membership in it`);
  return [...named, ...roles].map((what) => ({
    reason: { subject: "superuser", line: what, what, certainty: "certain" },
  }));
}

/** All explicit grants in the configuration's form. */
export function grantsOf(beyond: Beyond[]): Grants {
  const grants: Grants = {};
  for (const { grant } of beyond) {
    if (!grant) continue;
    const { section, object, privilege } = grant;
    if (section === "database") grants.database = union(grants.database, privilege);
    else grants[section] = { ...grants[section], [object]: union(grants[section]?.[object], privilege) };
  }
  return grants;
}

function union(privileges: string[] = [], privilege: string): string[] {
  return [...new Set([...privileges, privilege])].toSorted();
}

/** `schema.object` as the configuration writes it; of a function with its argument types. */
function nameOf(schema: string, name: string): string {
  return `${partOf(schema)}.${partOf(name)}`;
}

/** In double quotes where the plain form would mean something else. */
function partOf(name: string): string {
  return /^[^\s".*?]+$/.test(name.replace(/\(.*\)$/s, "")) ? name : `"${name.replaceAll('"', '""')}"`;
}
