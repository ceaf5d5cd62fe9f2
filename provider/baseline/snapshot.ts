import { randomUUID } from "node:crypto";
import { type OwnedObject, readOwnedObjects } from "../ownership/objects.ts";
import { parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import type { BaselinePrivilege } from "../privileges/plan.ts";
import type { FutureKind } from "../privileges/table.ts";
import type { DefaultAcl, Snapshot } from "./contract.ts";
import { readRoles } from "./role-record.ts";

export async function readSnapshot(
  db: Queryable,
  database: string,
  scope: { schemas: string[]; outside: string[]; roles: string[]; existingRoles?: string[] },
): Promise<Snapshot> {
  const schemas = [...new Set([...scope.schemas, ...scope.outside])];
  const objects = await readOwnedObjects(db, schemas);
  const containers = await db.query<{ key: string; id: string | null; acl: string[] | null }>(containersSql, [
    schemas,
    database,
  ]);
  return {
    stack: randomUUID(),
    ids: withoutUndefined([
      ...containers.rows.map(({ key, id }): [string, string | undefined] => [key, id ?? undefined]),
      ...objects.flatMap(({ key, id, sequences }): [string, string | undefined][] => [
        [key, id],
        ...sequences.map((one): [string, string | undefined] => [one.identity, one.id]),
      ]),
    ]),
    schemas: schemas.sort(),
    owners: Object.fromEntries(objects.map((object) => [object.key, object.owner])),
    acls: Object.fromEntries([
      ...containers.rows.flatMap(({ key, acl }) => (acl ? [[key, acl]] : [])),
      ...objects.flatMap(({ key, acl, sequences }) =>
        [{ identity: key, acl }, ...sequences].flatMap((one) => (one.acl ? [[one.identity, one.acl]] : [])),
      ),
    ]),
    columnAcls: Object.fromEntries(objects.flatMap(withColumnAcls)),
    linked: Object.fromEntries(
      objects.flatMap(({ key, sequences }) => sequences.map(({ identity }) => [identity, key])),
    ),
    jobs: Object.fromEntries(objects.flatMap((object) => object.jobs.map((job) => [String(job.id), job.owner]))),
    defaultPrivileges: await readDefaultAcls(db, schemas),
    roles: await readRoles(db, scope.roles),
    existingRoles: await readRoles(db, scope.existingRoles ?? []),
  };
}

function withoutUndefined(entries: [string, string | undefined][]): Record<string, string> {
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function withColumnAcls(object: OwnedObject): [string, Record<string, string[]>][] {
  return Object.keys(object.columnAcls).length > 0 ? [[object.key, object.columnAcls]] : [];
}

/**
 * Adds to the baseline `recorded` what is new in `now`: schemas, roles, and objects that were not created by the stack's roles.
 * Privileges of the stack's roles on new objects are left out, because the stack granted them.
 */
export function extend(recorded: Snapshot, now: Snapshot): Snapshot {
  const managed = new Set(Object.keys(now.roles));
  const known = new Set(Object.values(recorded.ids ?? {}));
  const newSchemas = now.schemas.filter((schema) => !recorded.schemas.includes(schema));
  const isNew = (key: string): boolean => {
    const owner = now.owners[now.linked[key] ?? key];
    if (owner === undefined) return !(key in recorded.acls) && newSchemas.some((schema) => key === `schema ${schema}`);
    const object = now.linked[key] ?? key;
    // A renamed object is found by its OID.
    return !(object in recorded.owners) && !known.has(now.ids?.[object] ?? "") && !managed.has(owner);
  };
  const isRecorded = (key: string) =>
    key.startsWith("schema ") || (now.linked[key] ?? key) in recorded.owners || isNew(key);
  const foreign = (acl: string[]) =>
    acl.filter((item) => !parseAcl([item]).some(({ grantee }) => managed.has(grantee)));
  const foreignColumns = (columns: Record<string, string[]>) => mapValues(columns, foreign);
  const newJobs = Object.entries(now.jobs).filter(([id, owner]) => !(id in recorded.jobs) && !managed.has(owner));
  return {
    stack: recorded.stack ?? now.stack,
    ids: { ...pick(now.ids ?? {}, isRecorded), ...recorded.ids },
    schemas: [...recorded.schemas, ...newSchemas].sort(),
    owners: { ...pick(now.owners, isNew), ...recorded.owners },
    acls: { ...mapValues(pick(now.acls, isNew), foreign), ...recorded.acls },
    columnAcls: { ...mapValues(pick(now.columnAcls, isNew), foreignColumns), ...recorded.columnAcls },
    linked: { ...pick(now.linked, isNew), ...recorded.linked },
    jobs: { ...Object.fromEntries(newJobs), ...recorded.jobs },
    defaultPrivileges: [
      ...recorded.defaultPrivileges,
      ...now.defaultPrivileges.filter(({ schema }) => schema !== null && newSchemas.includes(schema)),
    ],
    roles: { ...now.roles, ...recorded.roles },
    existingRoles: { ...now.existingRoles, ...recorded.existingRoles },
  };
}

function mapValues<T, U>(record: Record<string, T>, to: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value)]));
}

function pick<T>(record: Record<string, T>, wanted: (key: string) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => wanted(key)));
}

const containersSql = `
  SELECT 'schema ' || quote_ident(nspname) AS key, 'pg_namespace/' || oid AS id, nspacl::text[] AS acl FROM pg_namespace WHERE nspname = ANY ($1)
  UNION ALL
  SELECT 'database ' || quote_ident(datname), NULL, datacl::text[] FROM pg_database WHERE datname = $2`;

/** Rows of pg_default_acl for these schemas and for all schemas. */
export async function readDefaultAcls(db: Queryable, schemas: string[]): Promise<DefaultAcl[]> {
  const { rows } = await db.query<DefaultAcl>(defaultAclSql, [schemas]);
  return rows;
}

const defaultAclSql = `
  SELECT pg_get_userbyid(d.defaclrole) AS creator, n.nspname AS schema, d.defaclobjtype AS "objectType",
         d.defaclacl::text[] AS acl
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
  WHERE d.defaclnamespace = 0 OR n.nspname = ANY ($1)
  ORDER BY 1, 2 NULLS FIRST, 3`;

const futureKindOf: Record<string, FutureKind> = { r: "TABLES", S: "SEQUENCES", f: "FUNCTIONS", T: "TYPES" };

/** Privileges that were granted to `role` by name, from a baseline; none for a role that did not exist. */
export function heldBefore(
  snapshot: Pick<Snapshot, "acls" | "columnAcls" | "defaultPrivileges" | "roles">,
  role: string,
): BaselinePrivilege[] {
  if (snapshot.roles[role] === null) return [];
  const of = (object: string, acl: string[], suffix = ""): BaselinePrivilege[] =>
    parseAcl(acl)
      .filter(({ grantee }) => grantee === role)
      .map(({ privilege, grantable }) => ({ object, privilege: `${privilege}${suffix}`, grantable }));
  return [
    ...Object.entries(snapshot.acls).flatMap(([object, acl]) => of(object, acl)),
    ...Object.entries(snapshot.columnAcls).flatMap(([object, columns]) =>
      Object.entries(columns).flatMap(([column, acl]) => of(`column ${column} of ${object}`, acl)),
    ),
    ...snapshot.defaultPrivileges.flatMap(({ creator, schema, objectType, acl }) => {
      const on = futureKindOf[objectType];
      if (schema === null || on === undefined) return [];
      return of(`default privileges of ${creator} in ${schema}`, acl, ` on ${on.toLowerCase()}`);
    }),
  ];
}
