import type { Queryable } from "../postgres/connection.ts";
import type { Held } from "./table.ts";

/** Kinds of future objects, as ALTER DEFAULT PRIVILEGES calls them. */
export type FutureKind = "TABLES" | "SEQUENCES" | "FUNCTIONS" | "TYPES";
export const futureKinds: FutureKind[] = ["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES"];

/** What one role will hold on objects that `creator` makes in `schema` from now on. */
export interface DefaultPrivilege {
  creator: string;
  schema: string;
  on: FutureKind;
  held: Held[];
}

/** The default privileges in `schemas`, by the role they name; those for all schemas are not among them. */
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
