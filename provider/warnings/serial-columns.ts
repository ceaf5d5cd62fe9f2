import { yamlName } from "../../model/object-name.ts";
import type { Queryable } from "../postgres/connection.ts";
import { readAfterUp } from "./after-up.ts";
import type { RoleFacts } from "./facts.ts";
import type { WarningKind } from "./warning.ts";

/**
 * Tables on which this up grants the role INSERT, with a column whose default is nextval() of a sequence that the role cannot
 * use. GENERATED ... AS IDENTITY needs no privilege on its sequence (PostgreSQL documentation, CREATE TABLE).
 */
export const serialColumns: WarningKind<RoleFacts> = {
  name: "sequences that an INSERT needs",
  async find(db, facts, reads) {
    const { role, database } = facts;
    const after = await readAfterUp(db, facts, reads);
    const serial = await reads.once(db, readSerialColumns);
    return serial.flatMap(({ table, column, columns, sequence }) => {
      if (!after.grantsPart(role, "INSERT", { ...table, acl: [] }, columns)) return [];
      const of = { ...sequence, kind: "sequence" as const };
      if (after.may(role, "USAGE", of) || after.may(role, "UPDATE", of)) return [];
      return [
        {
          object: table.name,
          what: `${role} is granted INSERT, but not USAGE on ${sequence.name}, the sequence behind the default of column ${column}: an INSERT without that column fails`,
          remedy: `app-roles:roles.${role}.grants.${database}.sequences: {${yamlName(sequence.name)}: [USAGE]}`,
        },
      ];
    });
  },
};

interface SerialColumn {
  table: { name: string; schema: string; owner: string };
  column: string;
  /** Every column of the table. */
  columns: string[];
  sequence: { name: string; schema: string; owner: string; acl: string[] };
}

/** Found by the dependency of the default: a column's sequence need not be owned by the column. */
async function readSerialColumns(db: Queryable): Promise<SerialColumn[]> {
  const { rows } = await db.query<SerialColumn>(
    `SELECT json_build_object('name', format('%I.%I', tn.nspname, t.relname), 'schema', tn.nspname,
                              'owner', pg_get_userbyid(t.relowner)) AS table,
            quote_ident(a.attname) AS column,
            (SELECT json_agg(every.attname) FROM pg_attribute every
             WHERE every.attrelid = t.oid AND every.attnum > 0 AND NOT every.attisdropped) AS columns,
            json_build_object('name', format('%I.%I', sn.nspname, s.relname), 'schema', sn.nspname,
                              'owner', pg_get_userbyid(s.relowner),
                              'acl', coalesce(s.relacl, acldefault('s', s.relowner))::text[]) AS sequence
     FROM pg_attrdef f
     JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
     JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
     JOIN pg_namespace sn ON sn.oid = s.relnamespace
     JOIN pg_class t ON t.oid = f.adrelid AND t.relkind IN ('r', 'p')
     JOIN pg_namespace tn ON tn.oid = t.relnamespace
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = f.adnum
     WHERE tn.nspname !~ '^pg_' AND pg_get_expr(f.adbin, f.adrelid) ~* 'nextval'
     ORDER BY t.oid::regclass::text, a.attnum`,
  );
  return rows;
}
