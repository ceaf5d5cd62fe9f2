import { configPath } from "../../../model/config-path.ts";
import { readableShellWord } from "../../../model/shell-word.ts";
import { parseAcl } from "../../../provider/postgres/acl.ts";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { databaseNames } from "../../../provider/postgres/databases.ts";
import type { Context } from "../context.ts";
import { count, type Findings, several } from "../finding.ts";
import { type Revoked, revocation } from "../revocation.ts";
import { inOneLine, sqlName } from "../sql-name.ts";

/** What PUBLIC, and so every login role, can do: on databases, in schemas and with relations. */
export async function checkPublicAccess({ server, subject }: Context, findings: Findings): Promise<void> {
  const declared = subject.declared && Object.keys(subject.declared.stack.databases);
  const existing = await server.anySession((db) => databaseNames(db, declared ? "with" : "without"));
  const names = declared?.filter((name) => existing.includes(name)) ?? existing;
  await server.anySession((db) => checkDatabases(db, subject, findings));
  for (const name of names) {
    await server.session(name, async (db) => {
      await checkSchemas(db, name, findings);
      await checkRelations(db, name, findings);
    });
  }
}

async function checkDatabases(db: Queryable, subject: Context["subject"], findings: Findings): Promise<void> {
  const { rows } = await db.query<{ name: string; owner: string; acl: string[] }>(
    `SELECT datname AS name, pg_get_userbyid(datdba) AS owner, coalesce(datacl, acldefault('d', datdba))::text[] AS acl
     FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1`,
  );
  const { databases, server: address } = subject.declared?.stack ?? {};
  // Every role can connect to the admin's database, where nothing is stored; without a stack that is postgres.
  const adminDatabase = address?.admin.database ?? "postgres";
  for (const { name, owner, acl } of rows) {
    const granted = parseAcl(acl).filter(({ grantee }) => grantee === "");
    const held = granted.map(({ privilege }) => privilege);
    const excessive = [...new Set(held)].filter((privilege) => privilege === "CREATE" || name !== adminDatabase);
    const revoked = (databases?.[name]?.revokeFromPublic ?? []).filter((one) => !(excessive as string[]).includes(one));
    for (const privilege of excessive) {
      const isDeclared = databases !== undefined && Object.hasOwn(databases, name) && privilege !== "CREATE";
      const grantors = granted.filter((grant) => grant.privilege === privilege).map(({ grantor }) => grantor);
      const path = configPath(["databases", name, "revokeFromPublic"]);
      findings.add({
        check: "public-database",
        object: `${name}/${privilege}`,
        severity: privilege === "CREATE" ? "high" : privilege === "CONNECT" ? "medium" : "low",
        what: `PUBLIC has ${privilege} on the database ${name}${privilege === "CONNECT" ? ": every login role can connect" : ""}`,
        fix: isDeclared
          ? `set ${path}: [${[...revoked, ...excessive.filter((one) => one !== "CREATE")].toSorted().join(", ")}], then pulumi up --stack ${readableShellWord(subject.declared?.name ?? "")}`
          : `${privilege === "CONNECT" ? "GRANT CONNECT to the roles that use it, then " : ""}${revokeFromPublic(`${privilege} ON DATABASE ${sqlName(name)}`, owner, grantors)}`,
      });
    }
  }
}

async function checkSchemas(db: Queryable, database: string, findings: Findings): Promise<void> {
  const { rows } = await db.query<{ identity: string; owner: string; grantors: string[] }>(
    `SELECT quote_ident(n.nspname) AS identity, pg_get_userbyid(n.nspowner) AS owner,
            array_agg(pg_get_userbyid(e.grantor)::text) AS grantors
     FROM pg_namespace n, aclexplode(n.nspacl) e
     WHERE e.grantee = 0 AND e.privilege_type = 'CREATE' AND n.nspname !~ '^(pg_|information_schema$)'
     GROUP BY 1, 2 ORDER BY 1`,
  );
  for (const { identity, owner, grantors } of rows) {
    findings.add({
      check: "public-schema",
      object: `${database}/${identity}`,
      severity: "high",
      what: `PUBLIC has CREATE on the schema ${identity} of ${database}: every role can put objects there`,
      fix: `in ${database}: ${revokeFromPublic(`CREATE ON SCHEMA ${inOneLine(identity)}`, owner, grantors)}`,
    });
  }
}

/** Only the grantor can revoke; a superuser acts as the owner. */
function revokeFromPublic(what: string, owner: string, grantors: string[]): string {
  const revoke = `REVOKE ${what} FROM PUBLIC`;
  return [...new Set(grantors)]
    .map((grantor) => (grantor === owner ? revoke : `SET ROLE ${sqlName(grantor)}; ${revoke}; RESET ROLE`))
    .join("; ");
}

const writing = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];

async function checkRelations(db: Queryable, database: string, findings: Findings): Promise<void> {
  const { rows } = await db.query<
    Omit<Revoked, "privilege"> & { schema: string; privilege: string; column: string | null }
  >(relationsSql);
  const held = rows.map(({ privilege, column, ...row }) => ({
    ...row,
    isWrite: writing.includes(privilege),
    privilege: column === null ? privilege : `${privilege} (${sqlName(column)})`,
  }));
  for (const [schema, all] of Map.groupBy(held, (row) => row.schema)) {
    const writable = new Set(all.filter(({ isWrite }) => isWrite).map(({ relation }) => relation));
    const add = (found: typeof all, verb: string, severity: "high" | "medium") => {
      if (found.length === 0) return;
      const byRelation = Map.groupBy(found, ({ relation }) => relation);
      const { fix, statements } = revocation(database, found, "PUBLIC");
      findings.add({
        check: "public-relation",
        object: `${database}/${schema}/${verb}`,
        severity,
        what: `PUBLIC can ${verb} ${count(byRelation.size, "relation")} in ${database}: ${several([...byRelation.keys()])}`,
        fix,
        details: [
          ...[...byRelation].map(
            ([relation, of]) => `${relation} (${[...new Set(of.map(({ privilege }) => privilege))].join(", ")})`,
          ),
          ...statements,
        ],
        ...(severity === "high" && { cis: "4.6" as const }),
      });
    };
    const isWritable = ({ relation }: Revoked) => writable.has(relation);
    add(all.filter(isWritable), "write", "high");
    add(
      all.filter((row) => !isWritable(row)),
      "read",
      "medium",
    );
  }
}

// Extensions grant PUBLIC what their views need.
const relationsSql = `
  WITH relation AS (
    SELECT c.oid, quote_ident(n.nspname) AS schema, format('%I.%I', n.nspname, c.relname) AS relation,
           pg_get_userbyid(c.relowner) AS owner, c.relacl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  )
  SELECT r.schema, r.relation, r.owner, pg_get_userbyid(e.grantor) AS grantor, e.privilege_type AS privilege, NULL AS column
  FROM relation r, aclexplode(r.relacl) e WHERE e.grantee = 0
  UNION ALL
  SELECT r.schema, r.relation, r.owner, pg_get_userbyid(e.grantor), e.privilege_type, a.attname
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped, aclexplode(a.attacl) e
  WHERE e.grantee = 0
  ORDER BY 1, 2, 5`;
