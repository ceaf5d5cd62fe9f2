import { escapeIdentifier } from "pg";
import type { Queryable, Server } from "../postgres/connection.ts";
import { isMissingDatabase } from "../postgres/databases.ts";
import { explain } from "../postgres/explain.ts";
import { alone } from "../postgres/locks.ts";
import { actingFor } from "../postgres/membership.ts";
import { inTransaction } from "../postgres/transaction.ts";
import type { Call } from "../rpc/provider.ts";

/**
 * Makes a role droppable: in every database where something still names it (pg_shdepend), what it owns goes to the
 * admin and what was granted to it is taken back. By then the stack's own privileges and owners are back where they
 * were, so this finds what was made or granted by hand since. Idempotent.
 */
export async function releaseRole(server: Server, role: string, call: Call): Promise<void> {
  for (const database of await databasesNaming(server, role)) {
    const doing = `handing what ${role} still has in ${database} to ${server.address.user}`;
    const hand = (db: Queryable) =>
      alone(db, call, () =>
        inTransaction(db, call, doing, async () => {
          try {
            await actingFor(db, [role], async () => {
              await db.query(`REASSIGN OWNED BY ${escapeIdentifier(role)} TO CURRENT_USER`);
              await db.query(`DROP OWNED BY ${escapeIdentifier(role)}`);
            });
          } catch (error) {
            throw explain(`failed ${doing}`, error);
          }
        }),
      );
    try {
      await server.session(database, hand);
    } catch (error) {
      if (isMissingDatabase(error)) continue; // dropped since it was looked for, with all that the role had there
      throw error;
    }
    call.report.info(`${role}: what it still had in ${database} now belongs to ${server.address.user}`);
  }
}

/** Shared objects (databases, tablespaces) are named from nowhere in particular: the admin's database stands for them. */
async function databasesNaming(server: Server, role: string): Promise<string[]> {
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
