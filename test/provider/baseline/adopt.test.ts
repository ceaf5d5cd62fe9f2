import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseline } from "../../../provider/baseline/resource.ts";
import { readRoles, readVerifiers } from "../../../provider/baseline/role-record.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { reveal, Secret } from "../../../provider/rpc/values.ts";
import { roleSettings } from "../../../provider/settings/resource.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof roleSettings>["apply"]>[0];

const role = 'Old "role"';
const quoted = '"Old ""role"""';

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    admin = await postgres.connect();
    await admin.query(`
      CREATE ROLE one; CREATE ROLE two; CREATE ROLE giver;
      CREATE ROLE ${quoted} SUPERUSER CREATEDB NOINHERIT BYPASSRLS CONNECTION LIMIT 7 PASSWORD 'old' VALID UNTIL '2099-01-01';
      GRANT one TO giver WITH ADMIN OPTION; GRANT one TO ${quoted} WITH ADMIN OPTION GRANTED BY giver; GRANT two TO ${quoted};
      ALTER ROLE ${quoted} SET search_path = "a b", public; ALTER ROLE ${quoted} SET statement_timeout = 5000;
      ALTER ROLE ${quoted} SET work_mem = '8MB'; CREATE TABLE held (); GRANT SELECT ON held TO ${quoted} WITH GRANT OPTION`);
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });

  const scope = { database: "postgres", schemas: ["public"], keepOwner: {}, alsoOwn: [] };
  const planOf = (roles: string[], adopt: string[], before = {}) =>
    baseline(server).plan({ ...scope, roles, adopt }, undefined, before);

  test("is restored completely, whatever was changed", async () => {
    const before = [await observe(admin), await readRoles(admin, [role]), await readVerifiers(admin, [role])];
    const { observed, failures, warnings } = await planOf([role], [role]);
    expect(failures).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining("is adopted")]);
    expect(observed?.held).toEqual({ [role]: [{ object: "public.held", privilege: "SELECT", grantable: true }] });
    expect(observed?.verifiers).toBeInstanceOf(Secret);
    const roles = (observed?.snapshot as { roles: Record<string, object> } | undefined)?.roles ?? {};
    const verifiers = reveal(observed?.verifiers ?? null) as Record<string, string>;
    const former = { ...roles[role], verifier: verifiers[role] } as Inputs["former"];

    // Like the official Role: grants memberships again and alters the rest.
    await admin.query(`
      ALTER ROLE ${quoted} NOSUPERUSER NOCREATEDB INHERIT NOBYPASSRLS LOGIN CONNECTION LIMIT 8 PASSWORD 'new' VALID UNTIL 'infinity';
      REVOKE one FROM ${quoted} GRANTED BY giver; REVOKE two FROM ${quoted}; GRANT one TO ${quoted}; GRANT two TO ${quoted};
      ALTER ROLE ${quoted} SET search_path = c; ALTER ROLE ${quoted} RESET statement_timeout`);
    const resource = roleSettings(server);
    const wanted: Inputs = {
      role,
      settings: { work_mem: "16MB", lock_timeout: "1s" },
      databases: {},
      before: {},
      former,
    };
    await resource.apply(wanted, undefined, testCall());
    await resource.remove(wanted, testCall());
    expect([await observe(admin), await readRoles(admin, [role]), await readVerifiers(admin, [role])]).toEqual(before);
    await resource.remove(wanted, testCall());
    expect([await observe(admin), await readRoles(admin, [role]), await readVerifiers(admin, [role])]).toEqual(before);
  });

  test("a recorded baseline is never overwritten", async () => {
    const first = (await planOf([role], [role])).observed;
    await admin.query(`ALTER ROLE ${quoted} PASSWORD 'newer'; GRANT INSERT ON held TO ${quoted}`);
    const { observed, warnings } = await planOf([role], [role], first);
    expect(observed?.held).toEqual(first?.held);
    expect(observed?.verifiers).toEqual(first?.verifiers);
    expect(warnings).toEqual([]);
    await admin.query(`ALTER ROLE ${quoted} PASSWORD 'old'; REVOKE INSERT ON held FROM ${quoted}`);
  });

  test("a role that cannot be adopted is refused", async () => {
    const reasons = async (roles: string[], adopt: string[]) =>
      (await planOf(roles, adopt)).failures?.map(({ property, reason }) => `${property}: ${reason}`);
    expect(await reasons([role], [])).toEqual([expect.stringMatching(/^roles\[0\]: .*set `adopt: true`/)]);
    expect(await reasons(["one", "nobody"], ["one", "nobody"])).toEqual([
      expect.stringMatching(/^roles\[1\]: there is no role nobody to adopt/),
    ]);
    await admin.query(`ALTER ROLE two SET statement_timeout = '1min'`);
    expect(await reasons(["two"], ["two"])).toEqual([
      expect.stringMatching(/statement_timeout = 1min, which the official plugin cannot read/),
    ]);
    await admin.query(
      "CREATE ROLE limited LOGIN CREATEROLE PASSWORD 'admin'; GRANT CREATE ON SCHEMA public TO limited",
    );
    const limited = new Server({ ...postgres.address, user: "limited", password: "admin" });
    const { failures } = await baseline(limited).plan({ ...scope, roles: ["one"], adopt: ["one"] }, undefined, {});
    expect(failures).toEqual([{ property: "adopt", reason: expect.stringContaining("limited is not a superuser") }]);
    await limited.close();
  });
});
