import type { Grants } from "../../../model/grants.ts";
import { readableShellWord } from "../../../model/shell-word.ts";
import { parseAcl } from "../../../provider/postgres/acl.ts";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { databaseNames } from "../../../provider/postgres/databases.ts";
import { existingRoles } from "../../../provider/postgres/roles.ts";
import { grantedOn } from "../../../provider/privileges/explicit-grants.ts";
import { groupsOf, readRoles } from "../../../provider/warnings/roles.ts";
import type { Context } from "../context.ts";
import { count, type Findings, several } from "../finding.ts";
import { type Membership, membershipsOf, revokeMemberships } from "../memberships.ts";
import { type Revoked, revocation } from "../revocation.ts";
import { inOneLine, sqlName } from "../sql-name.ts";
import type { Declared } from "../subject.ts";

/** Roles with the access level `reader` that can change data, beyond their explicit grants. Postgres itself answers. */
export async function checkReaders({ server, subject }: Context, findings: Findings): Promise<void> {
  const { declared } = subject;
  if (!declared) return;
  const readers = Object.entries(declared.stack.roles).flatMap(([role, { access, grants }]) =>
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
    const writes = await server.session(database, (db) => writesOf(db, role, grants));
    for (const [way, held] of Map.groupBy(writes, (write) => write.way)) {
      const byRelation = Map.groupBy(held, ({ relation }) => relation);
      const { fix, statements } = remedy(declared, server.address.user, { role, database, held });
      findings.add({
        check: "reader-writes",
        object: `${role}/${database}/${way}`,
        severity: "high",
        what: `${role} is a reader, but can write to ${count(byRelation.size, "relation")} in ${database} ${way}: ${several([...byRelation.keys()])}`,
        fix,
        details: [
          ...[...byRelation].map(
            ([relation, of]) => `${relation} (${[...new Set(of.map(({ privilege }) => privilege))].join(", ")})`,
          ),
          ...statements,
        ],
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

/** A privilege to write, and how the role has it. */
interface Write extends Revoked {
  schema: string;
  /** In words. */
  way: string;
  by: "owner" | "grant" | "PUBLIC" | "superuser" | Membership[];
}

async function writesOf(db: Queryable, role: string, grants: Grants | undefined): Promise<Write[]> {
  const roles = await readRoles(db);
  // SET ROLE gives the privileges of a group that the role does not inherit.
  const groups = [...groupsOf(roles, role)];
  const memberships = await membershipsOf(db, role);
  const { rows } = await db.query<Row>(writesSql, [groups]);
  return rows
    .filter((each) => !isDeclared(each, grants))
    .flatMap((row): Write[] => {
      const { identity: relation, schema, owner, acl, column } = row;
      const privilege = column === null ? row.privilege : `${row.privilege} (${sqlName(column)})`;
      const write = { relation, schema, owner, privilege, grantor: owner };
      if (owner === role) return [{ ...write, way: "as their owner", by: "owner" }];
      const all = parseAcl(acl).filter((grant) => grant.privilege === row.privilege);
      const granted = (grantee: string) => all.filter((grant) => grant.grantee === grantee);
      const own = granted(role);
      if (own.length > 0) {
        return own.map(({ grantor }) => ({ ...write, grantor, way: "by grants to it", by: "grant" }));
      }
      const toAll = granted("");
      if (toAll.length > 0) {
        return toAll.map(({ grantor }) => ({ ...write, grantor, way: "through PUBLIC", by: "PUBLIC" }));
      }
      const through =
        groups.find((each) => each !== role && (each === owner || granted(each).length > 0)) ??
        groups.find((each) => each === "pg_write_all_data");
      if (through === undefined) return [{ ...write, way: "as a superuser", by: "superuser" }];
      // The role can be a member of a member of the group.
      const by = memberships.filter(({ group }) => groupsOf(roles, group).has(through));
      return [{ ...write, way: `as a member of ${through}`, by }];
    });
}

/** What ends these writes, which the role has in the same way. */
function remedy(
  { name, stack }: Declared,
  admin: string,
  { role, database, held }: { role: string; database: string; held: Write[] },
): { fix: string; statements: string[] } {
  const by = held[0]?.by;
  if (by === "grant") return revocation(database, held, sqlName(role));
  if (by === "PUBLIC") return revocation(database, held, "PUBLIC");
  if (by === "superuser") return { fix: `ALTER ROLE ${sqlName(role)} NOSUPERUSER`, statements: [] };
  if (by !== "owner") return { fix: revokeMemberships(by ?? [], role), statements: [] };
  const declared = stack.databases[database];
  if (declared?.owner !== undefined && held.every(({ schema }) => declared.schemas.includes(schema))) {
    return { fix: `pulumi up --stack ${readableShellWord(name)}`, statements: [] };
  }
  const relations = [...new Set(held.map(({ relation }) => inOneLine(relation)))];
  const moves = relations.map((relation) => `ALTER TABLE ${relation} OWNER TO ${sqlName(admin)}`);
  return { fix: `in ${database}: ${moves.join("; ")}`, statements: [] };
}

// Chunks are reached through their hypertable, whose privileges count.
const writesSql = `
  WITH relation AS (
    SELECT c.oid, n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS identity,
           pg_get_userbyid(c.relowner) AS owner, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
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
