import { escapeIdentifier } from "pg";
import type { Server } from "../postgres/connection.ts";
import { isMissingDatabase } from "../postgres/databases.ts";
import { explain } from "../postgres/explain.ts";
import { actingFor } from "../postgres/membership.ts";
import { inExclusiveTransaction } from "../postgres/transaction.ts";
import type { Call } from "../rpc/provider.ts";

/**
 * Removes the last dependencies on a role before it is dropped: in every database that refers to it (pg_shdepend), its objects are
 * reassigned to the admin and its privileges revoked. The stack's own privileges and owners are restored by then, so these are
 * objects and privileges that were created by hand. Idempotent.
 */
export async function releaseRole(server: Server, role: string, call: Call): Promise<void> {
  for (const database of await databasesReferringTo(server, role)) {
    const doing = `reassigning the objects that ${role} still owns in ${database} to ${server.address.user}`;
    try {
      await inExclusiveTransaction(server, database, call, doing, async (db) => {
        try {
          await actingFor(db, [role], async () => {
            await db.query(`REASSIGN OWNED BY ${escapeIdentifier(role)} TO CURRENT_USER`);
            await db.query(`DROP OWNED BY ${escapeIdentifier(role)}`);
          });
        } catch (error) {
          throw explain(`failed ${doing}`, error);
        }
      });
    } catch (error) {
      if (isMissingDatabase(error)) continue; // dropped after the query, with its objects
      throw error;
    }
    call.report.info(
      `${role}: the objects that it still owned in ${database} now belong to ${server.address.user}, and its privileges there are revoked`,
    );
  }
}

/** Shared objects (databases, tablespaces) belong to no database; the admin's database is used for them. */
async function databasesReferringTo(server: Server, role: string): Promise<string[]> {
  const { rows } = await server.session(undefined, (db) =>
    db.query<{ database: string }>(
      `SELECT DISTINCT coalesce(d.datname, current_database()) AS database
       FROM pg_shdepend s
       JOIN pg_roles r ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND r.rolname = $1
       LEFT JOIN pg_database d ON d.oid = s.dbid
       WHERE s.classid NOT IN ('pg_auth_members'::regclass, 'pg_db_role_setting'::regclass)
       ORDER BY 1`,
      [role],
    ),
  );
  return rows.map((row) => row.database);
}
