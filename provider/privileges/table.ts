import { escapeIdentifier } from "pg";
import type { Queryable } from "../postgres/connection.ts";

/** A privilege that the role granted to another role, as it can with one held WITH GRANT OPTION. */
export interface GrantedOnward {
  privilege: string;
  grantee: string;
}

/** A privilege that was granted to the role by name: neither through PUBLIC nor through another role. */
export interface Held {
  /** SQL's name: SELECT, EXECUTE, ... */
  privilege: string;
  grantor: string;
  /** Held WITH GRANT OPTION. */
  grantable: boolean;
}

export type ObjectKind =
  | "database"
  | "schema"
  | "table"
  | "view"
  | "materialized view"
  | "continuous aggregate"
  | "sequence"
  | "column"
  | "routine"
  | "type";

/** An object that privileges can be granted on. */
export interface Grantable {
  /** Its name in plans and messages: `tickets.t9`, `function reporting.f(integer)`, `schema tickets`. */
  key: string;
  kind: ObjectKind;
  /** Empty for a database. */
  schema: string;
  /** Unqualified; of a routine without arguments; of a column the name of its table. */
  name: string;
  owner: string;
  /** Distinguishes it from a later object of the same name. */
  oid?: string;
  /** Name of a column. */
  column?: string;
  /** Argument types of a routine, without spaces: `text,integer`. */
  argumentTypes?: string;
  /** The object after ON in a GRANT, with a quoted name. Of a column: its table. */
  target: { keyword: "DATABASE" | "SCHEMA" | "TABLE" | "SEQUENCE" | "ROUTINE" | "TYPE"; name: string };
  /** Whether it is a SECURITY DEFINER routine. */
  securityDefiner: boolean;
}

/** An object with the privileges of one role. */
export interface GrantableObject extends Grantable {
  held: Held[];
  /** Privileges that the role granted onward without owning the object. Default: none. */
  grantedOnward?: GrantedOnward[];
}

/** All objects with the privileges of all roles on them. */
export interface PrivilegeTable {
  /** Objects, each with the number of its access control list. */
  objects: { object: Grantable; list: number }[];
  /** Number of the list to role to its privileges. */
  lists: Map<number, Map<string, Held[]>>;
  /** Number of the list to role to the privileges that it granted without owning the object. */
  grantedOnward: Map<number, Map<string, GrantedOnward[]>>;
}

interface Row {
  kind: ObjectKind;
  oid: string;
  schema: string;
  name: string;
  /** Routine: arguments in the form that GRANT needs. Column: its name. */
  detail: string | null;
  key: string;
  argument_types: string | null;
  owner: string;
  security_definer: boolean;
  list: number;
  /** Role, privilege, grantor, grantable; only with the first object of each list. */
  entries: [string, string, string, boolean][] | null;
  timescale: boolean;
}

/**
 * Reads the current database, `schemas` and the objects in them. Excluded: members of extensions, row types, array types,
 * multiranges (their range has the privileges) and columns without their own privileges.
 */
export async function readPrivilegeTable(db: Queryable, schemas: string[]): Promise<PrivilegeTable> {
  const { rows } = await db.query<Row>(objectsSql, [schemas]);
  const aggregates = rows.some((row) => row.timescale) ? await readContinuousAggregates(db) : new Set();
  const lists = new Map<number, Map<string, Held[]>>();
  const grantedOnward = new Map<number, Map<string, GrantedOnward[]>>();
  const objects = rows.map((row) => {
    if (row.entries) {
      lists.set(row.list, byRole(row.entries));
      grantedOnward.set(row.list, byGrantor(row.entries, row.owner));
    }
    const object: Grantable = {
      key: row.key,
      kind: row.kind === "view" && aggregates.has(row.oid) ? "continuous aggregate" : row.kind,
      schema: row.schema,
      name: row.name,
      owner: row.owner,
      oid: row.oid,
      ...(row.kind === "column" && row.detail !== null && { column: row.detail }),
      ...(row.argument_types !== null && { argumentTypes: row.argument_types }),
      target: targetOf(row),
      securityDefiner: row.security_definer,
    };
    return { object, list: row.list };
  });
  return { objects, lists, grantedOnward };
}

function byRole(entries: [string, string, string, boolean][]): Map<string, Held[]> {
  const found = new Map<string, Held[]>();
  for (const [role, privilege, grantor, grantable] of entries) {
    const held = found.get(role);
    if (held) held.push({ privilege, grantor, grantable });
    else found.set(role, [{ privilege, grantor, grantable }]);
  }
  return found;
}

function byGrantor(entries: [string, string, string, boolean][], owner: string): Map<string, GrantedOnward[]> {
  const others = entries.filter(([, , grantor]) => grantor !== owner);
  const onward = others.map(([grantee, privilege, grantor]) => ({ grantor, privilege, grantee }));
  const grantors = [...new Set(onward.map(({ grantor }) => grantor))];
  return new Map(
    grantors.map((grantor) => [
      grantor,
      onward.filter((one) => one.grantor === grantor).map(({ privilege, grantee }) => ({ privilege, grantee })),
    ]),
  );
}

/** The objects with the privileges of one role, which need not exist. Columns only where it has privileges. */
export function privilegesOf({ objects, lists, grantedOnward }: PrivilegeTable, role: string): GrantableObject[] {
  return objects.flatMap(({ object, list }) => {
    const held = lists.get(list)?.get(role) ?? [];
    const onward = grantedOnward.get(list)?.get(role);
    return object.kind === "column" && held.length === 0
      ? []
      : [{ ...object, held, ...(onward && { grantedOnward: onward }) }];
  });
}

async function readContinuousAggregates(db: Queryable): Promise<Set<string>> {
  const { rows } = await db.query<{ oid: string }>(
    `SELECT c.oid::text AS oid
     FROM timescaledb_information.continuous_aggregates a
     JOIN pg_namespace n ON n.nspname = a.view_schema
     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.view_name`,
  );
  return new Set(rows.map((row) => row.oid));
}

function targetOf({ kind, schema, name, detail }: Row): GrantableObject["target"] {
  const qualified = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
  switch (kind) {
    case "database":
      return { keyword: "DATABASE", name: escapeIdentifier(name) };
    case "schema":
      return { keyword: "SCHEMA", name: escapeIdentifier(schema) };
    case "routine":
      return { keyword: "ROUTINE", name: `${qualified}(${detail ?? ""})` };
    case "sequence":
      return { keyword: "SEQUENCE", name: qualified };
    case "type":
      return { keyword: "TYPE", name: qualified };
    default:
      return { keyword: "TABLE", name: qualified };
  }
}

/** Kinds of future objects, as ALTER DEFAULT PRIVILEGES calls them. */
export type FutureKind = "TABLES" | "SEQUENCES" | "FUNCTIONS" | "TYPES";
export const futureKinds: FutureKind[] = ["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES"];

/** Privileges of one role on future objects of `creator` in `schema`. */
export interface DefaultPrivilege {
  creator: string;
  schema: string;
  on: FutureKind;
  held: Held[];
}

/** Reads default privileges in `schemas`, by grantee, without those for all schemas. */
export async function readDefaultPrivileges(
  db: Queryable,
  schemas: string[],
): Promise<Map<string, DefaultPrivilege[]>> {
  const { rows } = await db.query<DefaultPrivilege & { role: string }>(
    `SELECT r.rolname AS role, pg_get_userbyid(d.defaclrole) AS creator, n.nspname AS schema,
            CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                                 WHEN 'T' THEN 'TYPES' END AS on,
            json_agg(json_build_object('privilege', e.privilege_type, 'grantor', pg_get_userbyid(e.grantor),
                                       'grantable', e.is_grantable) ORDER BY e.position) AS held
     FROM pg_default_acl d
     JOIN pg_namespace n ON n.oid = d.defaclnamespace
     CROSS JOIN aclexplode(d.defaclacl) WITH ORDINALITY e (grantor, grantee, privilege_type, is_grantable, position)
     JOIN pg_roles r ON r.oid = e.grantee
     WHERE n.nspname = ANY ($1::text[])
     GROUP BY 1, 2, 3, 4
     ORDER BY 1, 2, 3, 4`,
    [schemas],
  );
  const found = new Map<string, DefaultPrivilege[]>();
  for (const { role, ...privilege } of rows) found.set(role, [...(found.get(role) ?? []), privilege]);
  return found;
}

// Objects share a few access control lists, so each distinct list is parsed once: 10 times faster on a server with 60 roles.
const objectsSql = `
  WITH managed AS MATERIALIZED (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = ANY ($1::text[])),
  object AS MATERIALIZED (
    SELECT 'database' AS kind, oid, '' AS schema, datname::text AS name, NULL AS detail,
           'database ' || quote_ident(datname) AS key, NULL AS argument_types, datdba AS owner, false AS security_definer,
           coalesce(datacl, acldefault('d', datdba)) AS acl
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'schema', oid, nspname, nspname, NULL, 'schema ' || quote_ident(nspname), NULL, nspowner, false,
           coalesce(nspacl, acldefault('n', nspowner))
    FROM managed
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
           c.oid, n.nspname, c.relname, NULL, format('%I.%I', n.nspname, c.relname), NULL, c.relowner, false,
           coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
    FROM pg_class c JOIN managed n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'column', c.oid, n.nspname, c.relname, a.attname,
           format('column %s of %I.%I', a.attname, n.nspname, c.relname), NULL, c.relowner, false, a.attacl
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN managed n ON n.oid = c.relnamespace
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'routine', p.oid, n.nspname, p.proname,
           CASE p.prokind WHEN 'a' THEN oidvectortypes(p.proargtypes) ELSE pg_get_function_identity_arguments(p.oid) END,
           CASE p.prokind WHEN 'a' THEN 'aggregate ' WHEN 'p' THEN 'procedure ' ELSE 'function ' END
             || (pg_identify_object('pg_proc'::regclass, p.oid, 0)).identity,
           replace(oidvectortypes(p.proargtypes), ', ', ','),
           p.proowner, p.prosecdef, coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc p JOIN managed n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'type', t.oid, n.nspname, t.typname, NULL, format('type %I.%I', n.nspname, t.typname), NULL, t.typowner, false,
           coalesce(t.typacl, acldefault('T', t.typowner))
    FROM pg_type t JOIN managed n ON n.oid = t.typnamespace
    WHERE t.typisdefined
      AND (t.typtype IN ('e', 'd', 'r')
        OR t.typtype = 'c' AND (SELECT relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c'
        OR t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid))
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
  ),
  list AS MATERIALIZED (SELECT acl, row_number() OVER ()::int AS number FROM (SELECT DISTINCT acl FROM object) different)
  SELECT o.kind, o.oid::text AS oid, o.schema, o.name, o.detail, o.key, o.argument_types, pg_get_userbyid(o.owner) AS owner,
         o.security_definer, list.number AS list,
         CASE WHEN row_number() OVER (PARTITION BY list.number) = 1 THEN (
           SELECT json_agg(json_build_array(grantee.rolname, e.privilege_type, grantor.rolname, e.is_grantable) ORDER BY e.position)
           FROM aclexplode(o.acl) WITH ORDINALITY e (grantor, grantee, privilege_type, is_grantable, position)
           JOIN pg_roles grantee ON grantee.oid = e.grantee
           JOIN pg_roles grantor ON grantor.oid = e.grantor
         ) END AS entries,
         o.kind = 'database' AND to_regclass('timescaledb_information.continuous_aggregates') IS NOT NULL AS timescale
  FROM object o JOIN list USING (acl)
  -- A routine that is dropped during the query has no arguments, and without them names another routine.
  WHERE o.kind <> 'routine' OR o.detail IS NOT NULL
  ORDER BY o.key`;
