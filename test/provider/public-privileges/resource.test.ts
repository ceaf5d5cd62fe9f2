import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readSnapshot } from "../../../provider/baseline/snapshot.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { publicPrivileges } from "../../../provider/public-privileges/resource.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof publicPrivileges>["apply"]>[0];

const database = 'Fleet "x"';
const quoted = '"Fleet ""x"""';

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let resource: ReturnType<typeof publicPrivileges>;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    resource = publicPrivileges(server);
    admin = await postgres.connect();
    await admin.query(`CREATE ROLE "Bi ""ro""" LOGIN; CREATE ROLE cron LOGIN; CREATE ROLE app LOGIN; CREATE ROLE idle_group;
                       CREATE ROLE dba LOGIN`);
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(() => admin.query(`CREATE DATABASE ${quoted} OWNER dba`));
  afterEach(() => admin.query(`DROP DATABASE ${quoted}`));

  const inputs = async (revoke: Inputs["revoke"] = ["CONNECT"]): Promise<Inputs> => {
    const former = await readSnapshot(admin, database, { schemas: [], outside: [], roles: [] });
    return { database, revoke, roles: ["app"], former };
  };
  const acl = async () => {
    const { rows } = await admin.query<{ grants: string[] }>(
      `SELECT ARRAY(SELECT concat_ws(' ', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END, privilege_type)
                    FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) ORDER BY 1) AS grants
       FROM pg_database WHERE datname = $1`,
      [database],
    );
    return rows[0]?.grants;
  };
  const may = async (role: string, privilege = "CONNECT") => {
    const { rows } = await admin.query<{ may: boolean }>("SELECT has_database_privilege($1, $2, $3) AS may", [
      role,
      database,
      privilege,
    ]);
    return rows[0]?.may;
  };
  const others = ['Bi "ro"', "cron", "dba"];

  test("a database that does not exist is refused with the existing ones", async () => {
    const { failures } = await resource.plan({ ...(await inputs()), database: "nowhere" }, undefined, {});
    expect(failures).toEqual([
      { property: "database", reason: expect.stringMatching(/no database nowhere; it has Fleet "x", postgres/) },
    ]);
  });

  test("CONNECT is granted to roles that have it only through PUBLIC and revoked from PUBLIC; remove restores it", async () => {
    await admin.query(`GRANT CONNECT ON DATABASE ${quoted} TO cron WITH GRANT OPTION`);
    const before = await acl();
    const wanted = await inputs();
    const { changes } = await resource.plan(wanted, undefined, {}, testCall());
    expect(changes).toEqual({ "PUBLIC: CONNECT": expect.stringMatching(/^revoked; granted to .*Bi "ro"/) });
    expect(changes["PUBLIC: CONNECT"]).not.toMatch(/cron|app|dba/);
    expect(await acl()).toEqual(before);

    expect(await resource.apply(wanted, undefined, testCall())).toContain("PUBLIC: CONNECT revoked");
    for (const role of others) expect(await may(role), role).toBe(true);
    expect([await may("app"), await may("idle_group"), await may("app", "TEMPORARY")]).toEqual([false, false, true]);
    expect((await resource.plan(wanted, wanted, {}, testCall())).changes).toEqual({});
    expect(await resource.apply(wanted, wanted, testCall())).toBeUndefined();

    await resource.remove(wanted, testCall());
    expect(await acl()).toEqual(before);
    await resource.remove(wanted, testCall());
    expect(await acl()).toEqual(before);
  });

  test("a privilege that is no longer listed is restored, and one that PUBLIC did not have in the baseline is not", async () => {
    await admin.query(`REVOKE TEMPORARY ON DATABASE ${quoted} FROM PUBLIC`);
    const before = await acl();
    const both = await inputs(["CONNECT", "TEMPORARY"]);
    await resource.apply(both, undefined, testCall());
    const one = { ...both, revoke: ["TEMPORARY" as const] };
    expect((await resource.plan(one, both, {}, testCall())).changes).toEqual({
      "PUBLIC: CONNECT": expect.stringMatching(/^granted again; revoked from .*Bi "ro"/),
    });
    await resource.apply(one, both, testCall());
    expect(await acl()).toEqual(before);
    await resource.remove(one, testCall());
    expect(await acl()).toEqual(before);
  });

  test("a grant to PUBLIC by a role other than the owner is refused with its grantor, and nothing is changed", async () => {
    await admin.query(`GRANT CONNECT ON DATABASE ${quoted} TO cron WITH GRANT OPTION; REVOKE CONNECT ON DATABASE ${quoted} FROM PUBLIC;
                       SET ROLE cron; GRANT CONNECT ON DATABASE ${quoted} TO PUBLIC; RESET ROLE`);
    const before = await acl();
    await expect(resource.apply(await inputs(), undefined, testCall())).rejects.toThrow(
      /PUBLIC still has CONNECT on the database Fleet "x", granted by cron; nothing was changed/,
    );
    expect(await acl()).toEqual(before);
  });

  test("a database that was dropped needs no change", async () => {
    const wanted = { ...(await inputs()), database: "gone" };
    await resource.remove(wanted, testCall());
    expect((await resource.plan(wanted, wanted, {}, testCall())).changes).toEqual({});
  });
});
