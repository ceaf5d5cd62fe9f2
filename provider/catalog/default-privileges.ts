import type { Queryable } from "../connection.ts";
import type { Held } from "./privileges.ts";

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

/** The default privileges in `schemas` that name `role`; those for all schemas are not among them. */
export async function readDefaultPrivileges(
  db: Queryable,
  role: string,
  schemas: string[],
): Promise<DefaultPrivilege[]> {
  const { rows } = await db.query<DefaultPrivilege>(
    `SELECT pg_get_userbyid(d.defaclrole) AS creator, n.nspname AS schema,
            CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                                 WHEN 'T' THEN 'TYPES' END AS on,
            json_agg(json_build_object('privilege', e.privilege_type, 'grantor', pg_get_userbyid(e.grantor),
                                       'grantable', e.is_grantable) ORDER BY e.position) AS held
     FROM pg_default_acl d
     JOIN pg_namespace n ON n.oid = d.defaclnamespace
     CROSS JOIN aclexplode(d.defaclacl) WITH ORDINALITY e (grantor, grantee, privilege_type, is_grantable, position)
     WHERE n.nspname = ANY ($1::text[]) AND e.grantee = (SELECT oid FROM pg_roles WHERE rolname = $2)
     GROUP BY 1, 2, 3
     ORDER BY 1, 2, 3`,
    [schemas, role],
  );
  return rows;
}
