import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseline } from "../../../provider/baseline/resource.ts";
import { readLiveBudget } from "../../../provider/budget/live-budget.ts";
import { existingRole } from "../../../provider/existing-role/resource.ts";
import { reassign } from "../../../provider/ownership/reassign.ts";
import { type Queryable, Server } from "../../../provider/postgres/connection.ts";
import { sessionsOf } from "../../../provider/postgres/sessions.ts";
import { roleSettings } from "../../../provider/settings/resource.ts";
import { limitedAdmin } from "../../../provider/warnings/limited-admin.ts";
import { warningsOf } from "../../../provider/warnings/warning.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

/** As in a managed service: not a superuser, with CREATEROLE. */
const boss = 'Boss "1"';
const quoted = '"Boss ""1"""';

describe.each(availableVersions())("a non-superuser admin on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let superuser: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    superuser = await postgres.connect();
    await superuser.query(
      `CREATE ROLE ${quoted} LOGIN CREATEROLE PASSWORD 'admin'; CREATE ROLE "Api" LOGIN PASSWORD 'admin'; CREATE ROLE standby REPLICATION;
       CREATE ROLE root SUPERUSER`,
    );
    await postgres.connect({ user: "Api", password: "admin" });
    server = new Server({ ...postgres.address, user: boss, password: "admin" });
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });

  /** The setting during a change of owner. */
  const deadlockTimeout = () =>
    server.anySession(async (db) => {
      const seen: unknown[] = [];
      const query: Queryable["query"] = async (text, values) => {
        if (text.startsWith("SET synchronous_commit = off"))
          seen.push(...(await db.query("SHOW deadlock_timeout")).rows);
        return db.query(text, values);
      };
      await reassign({ query }, [], testCall());
      return seen;
    });
  const warnings = (legacyUsers: string[]) =>
    server.anySession((db) =>
      warningsOf(
        db,
        { databases: [], access: undefined, closed: [], roles: [], adminDatabase: "postgres", legacyUsers },
        [limitedAdmin],
      ),
    );

  test("counts other roles' sessions, whose details it does not see", async () => {
    const { slots, roles } = await server.anySession(readLiveBudget);
    expect(roles).toContainEqual(expect.objectContaining({ role: "Api", sessions: 1 }));
    expect(slots.used).toBe(3);
    expect(await server.anySession((db) => sessionsOf(db, ["Api"]))).toEqual([
      { role: "Api", sessions: [expect.objectContaining({ client: "an address that only pg_read_all_stats sees" })] },
    ]);
  });

  test("is warned about checks that are not made, until it has the privileges", async () => {
    expect(await warnings(["postgres"])).toEqual([
      expect.stringMatching(/^sessions of other roles: .*GRANT pg_read_all_stats TO "Boss ""1"""$/),
      expect.stringMatching(/^pg_hba\.conf: /),
      expect.stringMatching(/^deadlock_timeout: /),
    ]);
    expect(await warnings([])).toHaveLength(2);
    expect(await deadlockTimeout()).toEqual([{ deadlock_timeout: "1s" }]);
    await superuser.query(`GRANT pg_read_all_stats TO ${quoted}; GRANT SELECT ON pg_hba_file_rules TO ${quoted};
      GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO ${quoted}`);
    if (version >= 15) await superuser.query(`GRANT SET ON PARAMETER deadlock_timeout TO ${quoted}`);
    expect(await warnings(["postgres"])).toHaveLength(version >= 15 ? 0 : 1);
    expect(await deadlockTimeout()).toEqual([{ deadlock_timeout: version >= 15 ? "10ms" : "1s" }]);
    const { roles } = await server.anySession(readLiveBudget);
    expect(roles).toContainEqual(expect.objectContaining({ role: "Api", sessions: 1 }));
    expect(await server.anySession((db) => sessionsOf(db, ["Api"]))).toEqual([
      { role: "Api", sessions: [expect.objectContaining({ client: "127.0.0.1" })] },
    ]);
  });

  test("is refused in preview a role that it cannot change, with the statements to run", async () => {
    const enforce = existingRole(server);
    const wanted = (role: string) => ({
      role,
      connectionLimit: 5,
      settings: {},
      former: { connectionLimit: -1, settings: {} },
    });
    const reasonFor = async (role: string) => (await enforce.plan(wanted(role), undefined, {})).failures?.[0]?.reason;
    expect(await reasonFor("root")).toMatch(/only a superuser can/);
    if (version < 16) expect(await reasonFor("standby")).toMatch(/only a superuser can/);
    if (version >= 16) {
      const grant = /let a superuser run: (GRANT "Api" TO "Boss ""1""" WITH ADMIN OPTION)$/;
      const [, statement] = grant.exec((await reasonFor("Api")) ?? "") ?? [];
      await expect(enforce.apply(wanted("Api"), undefined, testCall())).rejects.toThrow("42501");
      await superuser.query(statement as string);
    }
    expect(await reasonFor("Api")).toBeUndefined();
    await enforce.apply(wanted("Api"), undefined, testCall());
    await enforce.remove(wanted("Api"), testCall());
  });

  test("is refused in preview a setting that only a superuser can set for a role", async () => {
    const settings = { log_min_duration_statement: "1s", "pgaudit.log": "ddl", work_mem: "8MB" };
    const inputs = { role: "app", settings, databases: {}, before: {} };
    const failures = async () => (await roleSettings(server).plan(inputs, undefined, {})).failures ?? [];
    expect((await failures()).map(({ property }) => property)).toEqual([
      "settings.log_min_duration_statement",
      'settings["pgaudit.log"]',
    ]);
    if (version < 15) return;
    await superuser.query(`GRANT SET ON PARAMETER log_min_duration_statement, pgaudit.log TO ${quoted}`);
    expect(await failures()).toEqual([]);
    const own = await postgres.connect({ user: boss, password: "admin" });
    await own.query("CREATE ROLE app");
    await roleSettings(server).apply(inputs, undefined, testCall());
    await roleSettings(server).remove(inputs, testCall());
  });

  test("must be able to create roles", async () => {
    const inputs = { database: "postgres", schemas: [], keepOwner: {}, alsoOwn: [], roles: ["app"] };
    const failures = async () => (await baseline(server).plan(inputs, undefined, {})).failures;
    await superuser.query(`DROP ROLE IF EXISTS app; ALTER ROLE ${quoted} NOCREATEROLE`);
    expect(await failures()).toEqual([
      { property: "roles", reason: expect.stringContaining(`ALTER ROLE ${quoted} CREATEROLE`) },
    ]);
    await superuser.query(`ALTER ROLE ${quoted} CREATEROLE`);
    expect(await failures()).toEqual([]);
  });
});
