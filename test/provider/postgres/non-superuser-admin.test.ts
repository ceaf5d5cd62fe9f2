import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readSnapshot } from "../../../provider/baseline/snapshot.ts";
import { connectionBudget } from "../../../provider/budget/resource.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { releaseRole } from "../../../provider/settings/release-role.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Goal = Parameters<ReturnType<typeof ownership>["apply"]>[0];

/** As in a managed service: not a superuser, owner of the database, can grant itself roles. */
const boss = 'Boss "1"';
const quotedBoss = '"Boss ""1"""';

describe.each(availableVersions())("a non-superuser admin on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let superuser: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    const admin = await postgres.connect();
    await admin.query(`CREATE ROLE ${quotedBoss} LOGIN CREATEROLE PASSWORD 'admin'`);
    await admin.query(`CREATE DATABASE shop OWNER ${quotedBoss}`);
    superuser = await postgres.connect({ database: "shop" });
    server = new Server({ ...postgres.address, user: boss, password: "admin" });
    const own = await postgres.connect({ database: "shop", user: boss, password: "admin" });
    await own.query(`
      CREATE ROLE "Legacy app"; CREATE ROLE shop_owner; CREATE ROLE reader LOGIN PASSWORD 'admin'; CREATE ROLE bystander;
      CREATE SCHEMA app; CREATE TABLE app.by_boss (id int)`);
    await superuser.query(`GRANT USAGE, CREATE ON SCHEMA app TO "Legacy app"; SET ROLE "Legacy app";
      CREATE TABLE app.by_legacy (id serial); CREATE VIEW app.v AS SELECT * FROM app.by_legacy;
      GRANT SELECT ON app.v TO bystander; RESET ROLE`);
    await own.end();
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(() => superuser.query("DROP TABLE IF EXISTS app.of_superuser"));

  const memberships = async () => {
    const { rows } = await superuser.query(
      "SELECT m.*, NULL AS oid FROM pg_auth_members m ORDER BY m.roleid, m.member, m.grantor",
    );
    return rows;
  };
  const reader = () => privileges(server, new PrivilegeReader(0));
  const read = {
    role: "reader",
    database: "shop",
    access: "reader" as const,
    schemas: ["app"],
    creators: ["shop_owner", "Legacy app"],
    before: [],
  };
  const ownerAccess = { ...read, role: "shop_owner", access: "owner" as const, creators: ["Legacy app"] };
  const goal = async (): Promise<Goal> => ({
    database: "shop",
    owner: "shop_owner",
    schemas: ["app"],
    keepOwner: {},
    alsoOwn: [],
    roles: ["shop_owner", "reader"],
    former: JSON.parse(
      JSON.stringify(
        await readSnapshot(superuser, "shop", { schemas: ["app"], outside: [], roles: ["shop_owner", "reader"] }),
      ),
    ),
  });

  test("moves and grants as a member of the owners, is no member afterwards, and puts everything back", async () => {
    const before = await observe(superuser);
    const were = await memberships();
    const wanted = await goal();
    for (const inputs of [ownerAccess, read]) {
      expect((await reader().plan(inputs, undefined, {})).failures ?? []).toEqual([]);
      await reader().apply(inputs, undefined, testCall());
    }
    const { changes, failures } = await ownership(server).plan(wanted, undefined, {});
    expect(failures).toBeUndefined();
    expect(Object.keys(changes)).toEqual(expect.arrayContaining(["app.by_boss", "app.by_legacy", "app.v"]));
    await ownership(server).apply(wanted, undefined, testCall());
    expect((await ownership(server).plan(wanted, undefined, {})).changes).toEqual({});
    await reader().apply(read, read, testCall());
    expect(await memberships()).toEqual(were);
    const session = await postgres.connect({ database: "shop", user: "reader", password: "admin" });
    await session.query("SELECT * FROM app.by_boss, app.v");
    await session.end();
    await expect
      .poll(async () => (await superuser.query("SELECT FROM pg_stat_activity WHERE usename = 'reader'")).rows)
      .toEqual([]);

    await superuser.query("SET ROLE shop_owner; CREATE TABLE app.created_since (id int); RESET ROLE");
    await ownership(server).remove(wanted, testCall());
    await superuser.query("DROP TABLE app.created_since");
    await reader().remove(read, testCall());
    await reader().remove(ownerAccess, testCall());
    expect(await observe(superuser)).toEqual(before);
    expect(await memberships()).toEqual(were);
  });

  test("reassigns a role's remaining objects before it is dropped", async () => {
    const were = await memberships();
    await superuser.query(
      "GRANT CREATE ON SCHEMA app TO shop_owner; SET ROLE shop_owner; CREATE TABLE app.left_over (id int); RESET ROLE",
    );
    await releaseRole(server, "shop_owner", testCall());
    const { rows } = await superuser.query("SELECT tableowner FROM pg_tables WHERE tablename = 'left_over'");
    expect(rows).toEqual([{ tableowner: boss }]);
    await superuser.query("DROP TABLE app.left_over");
    expect(await memberships()).toEqual(were);
  });

  test("changes to and from owners without CREATE on the schema, and leaves the schema's privileges unchanged", async () => {
    await superuser.query(`CREATE ROLE keeper; CREATE ROLE retired; CREATE TABLE app.kept (id int); CREATE TABLE app.old (id int);
      ALTER TABLE app.kept OWNER TO ${quotedBoss}; ALTER TABLE app.old OWNER TO retired;
      GRANT shop_owner TO ${quotedBoss} WITH ADMIN OPTION; GRANT keeper, retired TO ${quotedBoss} WITH ADMIN OPTION;
      GRANT USAGE, CREATE ON SCHEMA app TO shop_owner`);
    const before = await observe(superuser);
    const were = await memberships();
    const wanted = { ...(await goal()), keepOwner: { "app.kept": "keeper" } };
    await ownership(server).apply(wanted, undefined, testCall());
    const owners = "SELECT tablename, tableowner FROM pg_tables WHERE tablename IN ('kept', 'old') ORDER BY 1";
    expect((await superuser.query(owners)).rows).toEqual([
      { tablename: "kept", tableowner: "keeper" },
      { tablename: "old", tableowner: "shop_owner" },
    ]);
    expect(await memberships()).toEqual(were);
    const { rows } = await superuser.query("SELECT has_schema_privilege('keeper', 'app', 'CREATE') AS may");
    expect(rows).toEqual([{ may: false }]);

    await ownership(server).remove(wanted, testCall());
    await superuser.query(`ALTER TABLE app.kept OWNER TO ${quotedBoss}`);
    expect(await observe(superuser)).toEqual(before);
    expect(await memberships()).toEqual(were);
    await superuser.query(
      `DROP TABLE app.kept, app.old; DROP ROLE keeper, retired; REVOKE ALL ON SCHEMA app FROM shop_owner`,
    );
  });

  test("keeps its existing memberships, and names what is missing if it cannot become a member", async () => {
    const own = await postgres.connect({ database: "shop" });
    await own.query(`CREATE ROLE plain LOGIN NOINHERIT PASSWORD 'admin'; CREATE ROLE cloud; CREATE ROLE team;
      GRANT team TO cloud WITH ADMIN OPTION; GRANT team TO plain; GRANT cloud TO plain; CREATE SCHEMA team AUTHORIZATION plain;
      CREATE TABLE team.t (id int); ALTER TABLE team.t OWNER TO team`);
    if (version >= 16) {
      await own.query(`GRANT cloud TO plain WITH INHERIT TRUE, SET FALSE; REVOKE team FROM plain;
        GRANT team TO cloud WITH INHERIT FALSE; GRANT team TO plain WITH INHERIT FALSE, SET FALSE GRANTED BY cloud`);
    }
    const were = await memberships();
    const limited = new Server({ ...postgres.address, user: "plain", password: "admin" });
    const wanted = { ...(await goal()), owner: "plain", schemas: ["team"], roles: ["plain"] };
    const { failures } = await ownership(limited).plan(wanted, undefined, {});
    const outcome = ownership(limited).apply(wanted, undefined, testCall());
    if (version < 16) {
      expect(failures).toEqual([{ property: "", reason: expect.stringContaining('ALTER ROLE "plain" INHERIT') }]);
      await expect(outcome).rejects.toThrow("42501");
    } else {
      expect(failures ?? []).toEqual([]);
      await outcome;
      const { rows } = await own.query("SELECT tableowner FROM pg_tables WHERE schemaname = 'team'");
      expect(rows).toEqual([{ tableowner: "plain" }]);
    }
    expect(await memberships()).toEqual(were);
    await limited.close();
    await own.query("DROP SCHEMA team CASCADE; DROP OWNED BY plain; DROP ROLE plain, team, cloud");
  });

  test("is refused in preview to change the owner of a superuser's object, and never told to become a superuser", async () => {
    await superuser.query("CREATE TABLE app.of_superuser (id int)");
    const seen = await observe(superuser);
    const { failures = [] } = await ownership(server).plan(await goal(), undefined, {});
    expect(failures).toEqual([
      {
        property: "",
        reason:
          'app.of_superuser: Boss "1" is not a superuser and cannot change owner postgres -> shop_owner, because postgres is one. ' +
          'Keep its owner (app-roles:databases.shop.keepOwner: {"app.of_superuser": postgres}), ' +
          'or let a superuser run ALTER TABLE app.of_superuser OWNER TO "Boss ""1"""',
      },
    ]);
    await superuser.query(`CREATE ROLE dba IN ROLE postgres; ALTER TABLE app.of_superuser OWNER TO dba`);
    const ofMember = await ownership(server).plan(await goal(), undefined, {});
    // Before 16 CREATEROLE alone lets the admin act as dba.
    if (version >= 16) expect(ofMember.failures?.[0]?.reason).toContain('{"app.of_superuser": dba}');
    await superuser.query("ALTER TABLE app.of_superuser OWNER TO postgres; DROP ROLE dba");
    expect(await observe(superuser)).toEqual(seen);
  });

  test("leaves a superuser's object with keepOwner, does the rest, and warns about the missing privileges", async () => {
    await superuser.query("CREATE TABLE app.of_superuser (id int)");
    const kept = { ...(await goal()), keepOwner: { "app.of_superuser": "postgres" } };
    const warned = async () => (await reader().plan(read, undefined, {})).warnings ?? [];
    const closed = expect.stringMatching(
      /^app\.of_superuser, default privileges of postgres in app: belong to postgres, and only a superuser can .*: this up grants reader none.* let a superuser run GRANT SELECT ON TABLE "app"\."of_superuser" TO "reader"; ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "app" GRANT SELECT/,
    );
    expect((await reader().plan(read, undefined, {})).failures).toBeUndefined();
    const first = await warned();
    expect(first).toEqual(expect.arrayContaining([closed]));
    expect((await ownership(server).plan(kept, undefined, {})).failures).toBeUndefined();
    await reader().apply(read, undefined, testCall());
    await ownership(server).apply(kept, undefined, testCall());
    await reader().apply(read, read, testCall());
    expect((await ownership(server).plan(kept, undefined, {})).changes).toEqual({});
    const after = await reader().plan(read, read, {});
    expect([after.changes, after.failures, after.warnings]).toEqual([{}, undefined, first]);
    const { rows } = await superuser.query(
      "SELECT tablename, tableowner, has_table_privilege('reader', format('app.%I', tablename), 'SELECT') AS open FROM pg_tables WHERE schemaname = 'app' ORDER BY 1",
    );
    expect(rows).toEqual([
      { tablename: "by_boss", tableowner: "shop_owner", open: true },
      { tablename: "by_legacy", tableowner: "shop_owner", open: true },
      { tablename: "of_superuser", tableowner: "postgres", open: false },
    ]);
    await superuser.query("GRANT SELECT ON app.of_superuser TO reader");
    expect(await warned()).not.toEqual(expect.arrayContaining([expect.stringMatching(/^app\.of_superuser/)]));
    await reader().remove(read, testCall());
    await ownership(server).remove(kept, testCall());
  });

  test("is refused a schema that belongs to a superuser, with the statement to run", async () => {
    await superuser.query("CREATE SCHEMA root");
    const { failures = [] } = await reader().plan({ ...read, schemas: ["root"] }, undefined, {});
    expect(failures.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^schema root: .* Let a superuser run ALTER SCHEMA "root" OWNER TO "Boss ""1"""$/),
    ]);
    await superuser.query("DROP SCHEMA root");
  });

  test("must be declared", async () => {
    const inputs = { ceiling: 95, entries: [], superuser: true };
    const budget = connectionBudget(server);
    expect((await budget.plan(inputs, undefined, {})).failures).toEqual([
      { property: "", reason: expect.stringContaining("set app-roles:server.admin.superuser to false") },
    ]);
    expect((await budget.plan({ ...inputs, superuser: false }, undefined, {})).failures ?? []).toEqual([]);
  });
});
