import type { Queryable } from "../postgres/connection.ts";
import { isNamed } from "../postgres/names.ts";
import { type ReadColumns, readAfterUp } from "./after-up.ts";
import type { DatabaseFacts } from "./facts.ts";
import { isLedger } from "./ledgers.ts";
import type { WarningKind } from "./warning.ts";

/** Relations of a legacy user outside the schemas that no role of the stack can read: a service that uses them breaks. */
export const undeclaredTables: WarningKind<DatabaseFacts> = {
  name: "tables outside the schemas",
  async find(db, facts, reads) {
    if (facts.legacyUsers.length === 0) return [];
    const { rows } = await db.query<Row>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS key, n.nspname AS schema, c.relname AS name,
              pg_get_userbyid(c.relowner) AS owner, coalesce(c.relacl, acldefault('r', c.relowner))::text[] AS acl
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
         AND pg_get_userbyid(c.relowner) = ANY ($1::text[]) AND NOT n.nspname = ANY ($2::text[])
         AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
         -- TimescaleDB keeps chunks, which do not belong to the extension, in a schema that does.
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e'
                           AND (d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                OR d.classid = 'pg_namespace'::regclass AND d.objid = n.oid))
       ORDER BY 1`,
      [facts.legacyUsers, facts.schemas],
    );
    const after = await readAfterUp(db, facts, reads);
    const isRead = ({ key: name, schema, owner, acl }: Row, columns: ReadColumns["columns"]) =>
      facts.roles.some((role) => after.mayReadPart(role, { name, schema, owner, acl, columns }));
    const closed = rows.filter((table) => !isRead(table, []));
    const columns = await readColumns(
      db,
      closed.map(({ key }) => key),
    );
    return closed
      .filter((table) => !isRead(table, columns.get(table.key) ?? []))
      .filter((table) => !isLedger(table.name))
      .filter((table) => !facts.alsoOwn.some((name) => isNamed(name, { ...table, identity: table.key })))
      .map(({ key, owner }) => ({
        object: key,
        what: `belongs to ${owner} and is outside the schemas of ${facts.database}: no role of this stack can read it`,
        remedy: `if a service uses it, add its schema to app-roles:databases.${facts.database}.schemas, add it to alsoOwn there, or grant the privileges by hand`,
      }));
  },
};

interface Row {
  key: string;
  schema: string;
  name: string;
  owner: string;
  acl: string[];
}

async function readColumns(db: Queryable, tables: string[]): Promise<Map<string, ReadColumns["columns"]>> {
  if (tables.length === 0) return new Map();
  const { rows } = await db.query<{ key: string; columns: ReadColumns["columns"] }>(
    `SELECT t.key, json_agg(json_build_object('name', a.attname, 'acl', coalesce(a.attacl::text[], '{}'))) AS columns
     FROM unnest($1::text[]) t (key)
     JOIN pg_attribute a ON a.attrelid = to_regclass(t.key) AND a.attnum > 0 AND NOT a.attisdropped
     GROUP BY 1`,
    [tables],
  );
  return new Map(rows.map(({ key, columns }) => [key, columns]));
}
