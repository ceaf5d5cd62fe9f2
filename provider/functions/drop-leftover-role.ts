import { escapeIdentifier } from "pg";
import { z } from "zod";
import type { Queryable, Server } from "../postgres/connection.ts";
import { explain } from "../postgres/explain.ts";
import { roleExists } from "../postgres/roles.ts";
import { refuseWhileInUse } from "../postgres/sessions.ts";
import type { ProviderFunction } from "../rpc/provider.ts";
import { awaitRoleWriters } from "./await-role.ts";
import { dropLeftoverRoleContract } from "./contracts.ts";

const schema = z.strictObject(dropLeftoverRoleContract.inputs);

/**
 * Called before the official Role is created. An up that is killed between the commit of CREATE ROLE and the save of the state
 * leaves a role that is not in the state, and creating it again fails (42710). Baseline has checked that the name was free, so a
 * role without objects, privileges and sessions is dropped and created again; any other role is refused. Waits for a session of
 * the killed up that is still creating the role.
 */
export function dropLeftoverRole(server: Server): ProviderFunction {
  return async (args, { signal }) => {
    const { role, memberOf } = schema.parse(args);
    return server.session(undefined, async (db) => {
      await awaitRoleWriters(db, role, signal);
      if (!(await roleExists(db, role))) return { result: { dropped: false } };
      await refuseWhileInUse(db, role, `create role ${role} again`);
      const ties = await tiesOf(db, role, memberOf);
      if (ties.length > 0) {
        throw new Error(
          `role ${role} exists on the server, but not in the state of this stack, and it is in use: ${ties.join(", ")}. ` +
            "Nothing was changed. If this stack created it, restore the state with the role (pulumi stack import); " +
            "otherwise rename the role in app-roles:roles, or drop the role on the server.",
        );
      }
      try {
        await db.query(`DROP ROLE ${escapeIdentifier(role)}`);
      } catch (error) {
        throw explain(`cannot drop role ${role}, which an interrupted up left behind`, error);
      }
      return { result: { dropped: true } };
    });
  };
}

/** Objects, privileges and memberships of the role, except the membership that it is created with. */
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
