import { escapeIdentifier } from "pg";
import { z } from "zod";
import type { Queryable, Server } from "../postgres/connection.ts";
import { explain } from "../postgres/explain.ts";
import { roleExists } from "../postgres/roles.ts";
import { refuseWhileInUse } from "../postgres/sessions.ts";
import type { ProviderFunction } from "../rpc/provider.ts";
import { dropLeftoverRoleContract } from "./contracts.ts";
import { awaitRoleWriters } from "./role-writers.ts";

const schema = z.strictObject(dropLeftoverRoleContract.inputs);

/**
 * Called just before the official Role is created. A run that was killed between CREATE ROLE's commit and the saving of
 * the state leaves a role that no state knows, and creating it again would fail (42710). Such a role is as bare as it was
 * made, and Baseline has seen to it that the name was free before: it is dropped and made anew. A role that has come to
 * own anything, or that somebody uses, is refused. A session of that run may still be about to make it: it is waited for.
 */
export function dropLeftoverRole(server: Server): ProviderFunction {
  return async (args, { signal }) => {
    const { role, memberOf } = schema.parse(args);
    return server.session(undefined, async (db) => {
      await awaitRoleWriters(db, role, signal);
      if (!(await roleExists(db, role))) return { result: { dropped: false } };
      await refuseWhileInUse(db, role, `make role ${role} anew`);
      const ties = await tiesOf(db, role, memberOf);
      if (ties.length > 0) {
        throw new Error(
          `role ${role} is on the server, but not in this stack's state, and it is in use: ${ties.join(", ")}. ` +
            "Nothing was changed. If this stack made it, bring back the state it was recorded in (pulumi stack import); " +
            "else give the role in app-roles:roles another name, or drop the one there.",
        );
      }
      try {
        await db.query(`DROP ROLE ${escapeIdentifier(role)}`);
      } catch (error) {
        throw explain(`cannot drop role ${role}, which an interrupted run left behind`, error);
      }
      return { result: { dropped: true } };
    });
  };
}

/** What a role that was only just made does not have: objects or privileges in a database, memberships but the one it is made with. */
async function tiesOf(db: Queryable, role: string, memberOf: string | undefined): Promise<string[]> {
  const { rows } = await db.query<{ tie: string }>(
    `SELECT format('%s %s in database %s', count(*), CASE s.deptype WHEN 'o' THEN 'objects it owns' ELSE 'privileges it holds' END,
                   coalesce(d.datname, 'of the server')) AS tie
     FROM pg_shdepend s JOIN pg_roles r ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
     LEFT JOIN pg_database d ON d.oid = s.dbid
     WHERE r.rolname = $1 AND s.classid <> 'pg_auth_members'::regclass
     GROUP BY s.deptype, d.datname
     UNION ALL
     SELECT format('a member of %s', g.rolname) FROM pg_auth_members m
     JOIN pg_roles r ON r.oid = m.member JOIN pg_roles g ON g.oid = m.roleid WHERE r.rolname = $1 AND g.rolname IS DISTINCT FROM $2
     UNION ALL
     SELECT format('%s is a member of it', u.rolname) FROM pg_auth_members m
     JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
     WHERE r.rolname = $1 AND u.rolname <> current_user`,
    [role, memberOf ?? null],
  );
  return rows.map(({ tie }) => tie);
}
