import type { Queryable } from "../../provider/postgres/connection.ts";
import { sqlName } from "./sql-name.ts";

/** A direct membership, once for each role that granted it. */
export interface Membership {
  group: string;
  /** Undefined: a superuser's REVOKE applies to it without GRANTED BY. */
  grantor: string | undefined;
}

/** The direct memberships of a role. Since PostgreSQL 16 each grantor's is revoked by itself. */
export async function membershipsOf(db: Queryable, role: string): Promise<Membership[]> {
  const { rows } = await db.query<{ group: string; grantor: string | null }>(
    `SELECT g.rolname AS group,
            CASE WHEN m.grantor <> 10 AND current_setting('server_version_num')::int >= 160000
                 THEN pg_get_userbyid(m.grantor) END AS grantor
     FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
     WHERE r.rolname = $1 ORDER BY 1, 2`,
    [role],
  );
  return rows.map(({ group, grantor }) => ({ group, grantor: grantor ?? undefined }));
}

/** The statements that end these memberships of a role. */
export function revokeMemberships(memberships: Membership[], role: string): string {
  return memberships
    .map(({ group, grantor }) => {
      const by = grantor === undefined ? "" : ` GRANTED BY ${sqlName(grantor)}`;
      return `REVOKE ${sqlName(group)} FROM ${sqlName(role)}${by}`;
    })
    .join("; ");
}
