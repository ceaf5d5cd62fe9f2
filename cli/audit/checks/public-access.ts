import { configPath } from "../../../model/config-path.ts";
import { readableShellWord } from "../../../model/shell-word.ts";
import { parseAcl } from "../../../provider/postgres/acl.ts";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { databaseNames } from "../../../provider/postgres/databases.ts";
import type { Context } from "../context.ts";
import { count, type Findings, several } from "../finding.ts";
import { revocation } from "../revocation.ts";

/** What PUBLIC, and so every login role, can do: on databases, in schemas and with relations. */
export async function checkPublicAccess({ server, subject }: Context, findings: Findings): Promise<void> {
  const declared = subject.declared && Object.keys(subject.declared.stack.databases);
  const existing = await server.anySession((db) => databaseNames(db, declared ? "with" : "without"));
  const names = declared?.filter((name) => existing.includes(name)) ?? existing;
  await server.anySession((db) => checkDatabases(db, { server, subject }, findings));
  for (const name of names) {
    await server.session(name, async (db) => {
      await checkSchemas(db, name, findings);
      await checkRelations(db, name, findings);
    });
  }
}

async function checkDatabases(
  db: Queryable,
  { server, subject }: Pick<Context, "server" | "subject">,
  findings: Findings,
): Promise<void> {
  const { rows } = await db.query<{ name: string; identity: string; acl: string[] }>(
    `SELECT datname AS name, quote_ident(datname) AS identity, coalesce(datacl, acldefault('d', datdba))::text[] AS acl
     FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1`,
  );
  const { databases, server: address } = subject.declared?.stack ?? {};
  const adminDatabase = address?.admin.database ?? server.address.database;
  for (const { name, identity, acl } of rows) {
    const held = parseAcl(acl)
      .filter(({ grantee }) => grantee === "")
      .map(({ privilege }) => privilege);
    // Every role can connect to the admin's database, where nothing is stored.
    const excessive = [...new Set(held)].filter((privilege) => privilege === "CREATE" || name !== adminDatabase);
    const revoked = (databases?.[name]?.revokeFromPublic ?? []).filter((one) => !(excessive as string[]).includes(one));
    for (const privilege of excessive) {
      const isDeclared = databases !== undefined && Object.hasOwn(databases, name) && privilege !== "CREATE";
      const path = configPath(["databases", name, "revokeFromPublic"]);
      findings.add({
        check: "public-database",
        object: `${name}/${privilege}`,
        severity: privilege === "CREATE" ? "high" : privilege === "CONNECT" ? "medium" : "low",
        what: `PUBLIC has ${privilege} on the database ${name}${privilege === "CONNECT" ? ": every login role can connect" : ""}`,
        fix: isDeclared
          ? `set ${path}: [${[...revoked, ...excessive].toSorted().join(", ")}], then pulumi up --stack ${readableShellWord(subject.declared?.name ?? "")}`
          : `${privilege === "CONNECT" ? "GRANT CONNECT to the roles that use it, then " : ""}REVOKE ${privilege} ON DATABASE ${identity} FROM PUBLIC`,
      });
    }
  }
}

async function checkSchemas(db: Queryable, database: string, findings: Findings): Promise<void> {
  const { rows } = await db.query<{ identity: string }>(
    `SELECT quote_ident(n.nspname) AS identity
     FROM pg_namespace n, aclexplode(n.nspacl) e
     WHERE e.grantee = 0 AND e.privilege_type = 'CREATE' AND n.nspname !~ '^(pg_|information_schema$)'
     GROUP BY 1 ORDER BY 1`,
  );
  for (const { identity } of rows) {
    findings.add({
      check: "public-schema",
      object: `${database}/${identity}`,
      severity: "high",
      what: `PUBLIC has CREATE on the schema ${identity} of ${database}: every role can put objects there`,
      fix: `in ${database}: REVOKE CREATE ON SCHEMA ${identity} FROM PUBLIC`,
    });
  }
}

const writing = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];

async function checkRelations(db: Queryable, database: string, findings: Findings): Promise<void> {
  // Extensions grant PUBLIC what their views need.
  const { rows } = await db.query<{ schema: string; identity: string; privileges: string[] }>(
    `SELECT quote_ident(n.nspname) AS schema, format('%I.%I', n.nspname, c.relname) AS identity,
            array_agg(e.privilege_type ORDER BY e.privilege_type) AS privileges
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) e
     WHERE e.grantee = 0 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
       AND n.nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  for (const [schema, relations] of Map.groupBy(rows, (row) => row.schema)) {
    const writable = relations.filter(({ privileges }) => privileges.some((one) => writing.includes(one)));
    const readable = relations.filter((relation) => !writable.includes(relation));
    const add = (found: typeof relations, verb: string, severity: "high" | "medium") => {
      if (found.length === 0) return;
      const names = found.map(({ identity }) => identity);
      findings.add({
        check: "public-relation",
        object: `${database}/${schema}/${verb}`,
        severity,
        what: `PUBLIC can ${verb} ${count(found.length, "relation")} in ${database}: ${several(names)}`,
        fix: revocation(database, new Map(found.map((one) => [one.identity, one.privileges])), "PUBLIC"),
        details: found.map(({ identity, privileges: held }) => `${identity} (${held.join(", ")})`),
        ...(severity === "high" && { cis: "4.6" as const }),
      });
    };
    add(writable, "write", "high");
    add(readable, "read", "medium");
  }
}
