import { escapeIdentifier } from "pg";
import type { Grants } from "../../../model/grants.ts";
import { type Grant, parseAcl } from "../../../provider/postgres/acl.ts";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { databaseNames } from "../../../provider/postgres/databases.ts";
import { existingRoles } from "../../../provider/postgres/roles.ts";
import { grantedOn } from "../../../provider/privileges/explicit-grants.ts";
import { groupsOf, readRoles } from "../../../provider/warnings/roles.ts";
import type { Context } from "../context.ts";
import { count, type Findings, several } from "../finding.ts";
import { revocation } from "../revocation.ts";

/** Roles with the access level `reader` that can change data, beyond their explicit grants. Postgres itself answers. */
export async function checkReaders({ server, subject }: Context, findings: Findings): Promise<void> {
  const roles = subject.declared?.stack.roles ?? {};
  const readers = Object.entries(roles).flatMap(([role, { access, grants }]) =>
    Object.entries(access)
      .filter(([, level]) => level === "reader")
      .map(([database]) => ({ role, database, grants: grants[database] })),
  );
  if (readers.length === 0) return;
  const [existing, databases] = await server.anySession(async (db) => [
    await existingRoles(
      db,
      readers.map(({ role }) => role),
    ),
    await databaseNames(db, "with"),
  ]);
  for (const { role, database, grants } of readers) {
    if (!existing.has(role) || !databases.includes(database)) continue;
    const ways = await server.session(database, (db) => writesOf(db, role, grants));
    for (const [way, { remedy, writes }] of ways) {
      const names = [...writes].map(([object, privileges]) => `${object} (${privileges.join(", ")})`);
      findings.add({
        check: "reader-writes",
        object: `${role}/${database}/${way}`,
        severity: "high",
        what: `${role} is a reader, but can write to ${count(writes.size, "relation")} in ${database} ${way}: ${several([...writes.keys()])}`,
        fix: "from" in remedy ? revocation(database, writes, remedy.from) : remedy.fix,
        details: names,
        cis: "4.6",
      });
    }
  }
}

interface Row {
  schema: string;
  name: string;
  identity: string;
  owner: string;
  acl: string[];
  privilege: string;
  /** Null: the whole relation. */
  column: string | null;
}

/** A statement, or the grantee to revoke the privileges from. */
type Remedy = { fix: string } | { from: string };

/** How the role got its privileges, in words, to what revokes them, and the relations with privileges. */
type Ways = Map<string, { remedy: Remedy; writes: Map<string, string[]> }>;

async function writesOf(db: Queryable, role: string, grants: Grants | undefined): Promise<Ways> {
  const roles = await readRoles(db);
  // SET ROLE gives the privileges of a group that the role does not inherit.
  const groups = [...groupsOf(roles, role)];
  const { rows } = await db.query<Row>(writesSql, [groups]);
  const ways: Ways = new Map();
  for (const row of rows.filter((each) => !isDeclared(each, grants))) {
    const { way, ...remedy } = wayOf(row, role, groups);
    const found = ways.get(way) ?? { remedy, writes: new Map<string, string[]>() };
    const what = row.column === null ? row.privilege : `${row.privilege} (${escapeIdentifier(row.column)})`;
    found.writes.set(row.identity, [...(found.writes.get(row.identity) ?? []), what]);
    ways.set(way, found);
  }
  return ways;
}

// Chunks and partitions are reached through their parent, whose privileges count.
const writesSql = `
  WITH relation AS (
    SELECT c.oid, n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS identity,
           pg_get_userbyid(c.relowner) AS owner, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'f') AND NOT c.relispartition
      AND n.nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
  )
  SELECT r.schema, r.name, r.identity, r.owner, r.acl::text[] AS acl, p.privilege, NULL AS column
  FROM relation r, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p (privilege)
  WHERE EXISTS (SELECT FROM unnest($1::text[]) m (name) WHERE has_table_privilege(m.name::name, r.oid, p.privilege))
  UNION ALL
  SELECT r.schema, r.name, r.identity, r.owner, coalesce(a.attacl, '{}')::text[], p.privilege, a.attname
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND a.attacl IS NOT NULL,
       unnest(ARRAY['INSERT', 'UPDATE']) p (privilege)
  WHERE EXISTS (SELECT FROM unnest($1::text[]) m (name)
                WHERE has_column_privilege(m.name::name, r.oid, a.attnum, p.privilege)
                  AND NOT has_table_privilege(m.name::name, r.oid, p.privilege))
  ORDER BY 3, 6`;

function isDeclared({ schema, name, identity, owner, column, privilege }: Row, grants: Grants | undefined): boolean {
  const target = { keyword: "TABLE" as const, name: identity };
  const common = { key: identity, schema, name, owner, target, securityDefiner: false };
  const onTable = grantedOn(grants, { ...common, kind: "table" });
  const onColumn = column === null ? [] : grantedOn(grants, { ...common, kind: "column", column });
  return [...onTable, ...onColumn].includes(privilege);
}

function wayOf({ owner, acl, privilege }: Row, role: string, groups: string[]): { way: string } & Remedy {
  const held =
    (grantee: string) =>
    ({ grantee: to, privilege: what }: Grant) =>
      to === grantee && what === privilege;
  const all = parseAcl(acl);
  const name = escapeIdentifier(role);
  if (owner === role) return { way: "as their owner", fix: "ALTER TABLE … OWNER TO another role; then pulumi up" };
  if (all.some(held(role))) return { way: "by grants to it", from: name };
  if (all.some(held(""))) return { way: "through PUBLIC", from: "PUBLIC" };
  const group = groups.find((each) => each !== role && (each === owner || all.some(held(each))));
  const through = group ?? groups.find((each) => each === "pg_write_all_data");
  if (through === undefined) return { way: "as a superuser", fix: `ALTER ROLE ${name} NOSUPERUSER` };
  return { way: `as a member of ${through}`, fix: `REVOKE ${escapeIdentifier(through)} FROM ${name}` };
}
