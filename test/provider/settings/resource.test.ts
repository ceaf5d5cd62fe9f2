import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Server } from "../../../provider/postgres/connection.ts";
import { runLock } from "../../../provider/postgres/locks.ts";
import { unknown } from "../../../provider/rpc/values.ts";
import { roleSettings } from "../../../provider/settings/resource.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof roleSettings>["apply"]>[0];

const role = 'Role "1"';
const quoted = '"Role ""1"""';

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let resource: ReturnType<typeof roleSettings>;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    resource = roleSettings(server);
    admin = await postgres.connect();
    await admin.query(`CREATE DATABASE "Odd db"`);
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(() => admin.query(`CREATE ROLE ${quoted} LOGIN PASSWORD 'admin'`));
  afterEach(() => admin.query(`DROP ROLE ${quoted}`));

  const inputs = (settings: Inputs["settings"], more: Partial<Inputs> = {}): Inputs => ({
    role,
    settings,
    databases: {},
    before: {},
    ...more,
  });
  const planOf = (wanted: Inputs, previous?: Inputs) => resource.plan(wanted, previous, {});
  const apply = (wanted: Inputs, previous?: Inputs) => resource.apply(wanted, previous, testCall());
  const failuresOf = async (wanted: Inputs) =>
    Object.fromEntries(((await planOf(wanted)).failures ?? []).map(({ property, reason }) => [property, reason]));
  const stored = async () => {
    const { rows } = await admin.query<{ database: string; setconfig: string[] }>(
      `SELECT coalesce(datname, '') AS database, setconfig FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase
       WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = $1)`,
      [role],
    );
    return Object.fromEntries(rows.map(({ database, setconfig }) => [database, setconfig.sort()]));
  };

  test("two stacks exclude each other, whichever databases they are connected to", async () => {
    const other = await postgres.connect();
    await other.query(`SELECT pg_advisory_lock(${runLock})`);
    await server.session("Odd db", async () => undefined);
    const call = testCall();
    const applied = resource.apply(inputs({ work_mem: "64MB" }), undefined, call);
    await expect.poll(() => call.lines.join()).toContain("waiting for another run");
    expect(await stored()).toEqual({});
    await other.end();
    await applied;
    expect(await stored()).toEqual({ "": ["work_mem=64MB"] });
    await resource.remove(inputs({ work_mem: "64MB" }), testCall());
  });

  test("settings in a dropped database do not prevent the others from being restored", async () => {
    const wanted = inputs({}, { databases: { "Odd db": { work_mem: "64MB" } }, before: { gone_db: ["work_mem=8MB"] } });
    const previous = { ...wanted, databases: { ...wanted.databases, gone_db: { work_mem: "64MB" } } };
    await apply(wanted, previous);
    await resource.remove(previous, testCall());
    expect(await stored()).toEqual({});
  });

  test("settings of every kind are stored and apply to the role's sessions", async () => {
    const wanted = inputs(
      {
        idle_session_timeout: "30min",
        work_mem: "64MB",
        random_page_cost: 1.1,
        jit: false,
        synchronous_commit: "local",
        timezone: "Europe/Amsterdam",
        "pgaudit.log": "read, write's",
        temp_tablespaces: 'pg_default, "Fast disk"',
      },
      { databases: { "Odd db": { search_path: '"$user", "Odd "" one"', work_mem: "1GB" } } },
    );
    expect((await planOf(wanted)).failures).toBeUndefined();
    await apply(wanted);
    expect(await stored()).toEqual({
      "": [
        "TimeZone=Europe/Amsterdam",
        "idle_session_timeout=30min",
        "jit=off",
        "pgaudit.log=read, write's",
        "random_page_cost=1.1",
        "synchronous_commit=local",
        'temp_tablespaces=pg_default, "Fast disk"',
        "work_mem=64MB",
      ],
      "Odd db": ['search_path="$user", "Odd "" one"', "work_mem=1GB"],
    });
    const session = await postgres.connect({ user: role, password: "admin", database: "Odd db" });
    const { rows } = await session.query(
      `SELECT current_setting('work_mem') AS work_mem, current_setting('pgaudit.log') AS audit,
              current_setting('idle_session_timeout') AS idle, current_setting('search_path') AS path`,
    );
    expect(rows).toEqual([{ work_mem: "1GB", audit: "read, write's", idle: "30min", path: '"$user", "Odd "" one"' }]);
    await session.end();
    expect((await planOf(wanted, wanted)).changes).toEqual({});
  });

  test("the same value in another unit or spelling is not a change", async () => {
    await admin.query(
      `ALTER ROLE ${quoted} SET idle_session_timeout TO '1800s'; ALTER ROLE ${quoted} SET work_mem TO '65536';
       ALTER ROLE ${quoted} SET jit TO 'false'; ALTER ROLE ${quoted} SET synchronous_commit TO 'LOCAL';
       ALTER ROLE ${quoted} SET random_page_cost TO '1.10'; ALTER ROLE ${quoted} SET temp_tablespaces TO 'a', 'B'`,
    );
    const wanted = inputs({
      idle_session_timeout: "30min",
      work_mem: "64MB",
      jit: "off",
      synchronous_commit: "local",
      random_page_cost: "1.1",
      temp_tablespaces: 'A,"B"',
    });
    expect((await planOf(wanted)).changes).toEqual({});
    expect((await planOf(inputs({ idle_session_timeout: 1_800_000 }))).changes).toEqual({});
  });

  test("an empty value is written, is not drift, and is restored", async () => {
    const wanted = inputs(
      { temp_tablespaces: "", "app.token": "" },
      { databases: { "Odd db": { search_path: "" } }, before: { "": ["work_mem=1MB"], "Odd db": ['search_path=""'] } },
    );
    await apply(wanted);
    expect(await stored()).toMatchObject({
      "": ["app.token=", 'temp_tablespaces=""'],
      "Odd db": ['search_path=""'],
    });
    expect((await planOf(wanted, wanted)).changes).toEqual({});
    await admin.query(`ALTER ROLE ${quoted} IN DATABASE "Odd db" SET search_path = a`);
    expect((await planOf(wanted, wanted)).changes).toEqual({ "search_path in Odd db": "a -> ''" });
    await apply(inputs({}, { before: wanted.before }), wanted);
    expect((await stored())["Odd db"]).toEqual(['search_path=""']);
  });

  test("no schema can have the name that represents an empty search_path", async () => {
    await expect(admin.query("CREATE SCHEMA pg_no_schema")).rejects.toThrow("unacceptable schema name");
  });

  test("drift is planned with both values and fixed, and other settings are left alone", async () => {
    const wanted = inputs({ work_mem: "64MB", jit: "off" }, { databases: { "Odd db": { jit: "on" } } });
    await apply(wanted);
    await admin.query(`ALTER ROLE ${quoted} SET work_mem TO '1MB'; ALTER ROLE ${quoted} RESET jit`);
    await admin.query(
      `ALTER ROLE ${quoted} IN DATABASE "Odd db" SET jit TO off; ALTER ROLE ${quoted} SET lock_timeout TO '5s'`,
    );
    expect((await planOf(wanted, wanted)).changes).toEqual({
      work_mem: "1MB -> 64MB",
      jit: "unset -> off",
      "jit in Odd db": "off -> on",
    });
    expect(resource.summarize(wanted, {})).toBe(
      `${role}: 3 settings, 3 to change: work_mem 1MB -> 64MB, jit unset -> off, jit in Odd db off -> on`,
    );
    await apply(wanted, wanted);
    expect(await stored()).toEqual({ "": ["jit=off", "lock_timeout=5s", "work_mem=64MB"], "Odd db": ["jit=on"] });
  });

  test("a role that does not exist yet has no summary: it gets what is declared", async () => {
    const wanted = { ...inputs({ work_mem: "64MB" }), role: "nobody_yet" };
    expect((await planOf(wanted)).changes).toEqual({ work_mem: "unset -> 64MB" });
    expect(resource.summarize(wanted, {})).toBeUndefined();
  });

  test("a setting that is no longer declared is restored from the baseline, or reset", async () => {
    await admin.query(`ALTER ROLE ${quoted} SET work_mem TO '2MB'`);
    const before = { "": ["work_mem=2MB"] };
    const all = inputs({ work_mem: "64MB", jit: "off" }, { before, databases: { "Odd db": { jit: "on" } } });
    await apply(all);
    const fewer = inputs({}, { before });
    expect((await planOf(fewer, all)).changes).toEqual({
      work_mem: "64MB -> 2MB",
      jit: "off -> unset",
      "jit in Odd db": "on -> unset",
    });
    await apply(fewer, all);
    expect(await stored()).toEqual({ "": ["work_mem=2MB"] });
  });

  test("remove restores the baseline, including lists with odd names", async () => {
    await admin.query(
      `ALTER ROLE ${quoted} SET temp_tablespaces TO 'Slow "disk"', 'b'; ALTER ROLE ${quoted} SET lock_timeout TO '5s'`,
    );
    const before = await stored();
    const wanted = inputs({ temp_tablespaces: "fast", work_mem: "64MB" }, { before });
    await apply(wanted);
    expect(await stored()).not.toEqual(before);
    await resource.remove(wanted, testCall());
    expect(await stored()).toEqual(before);
    await resource.remove(wanted, testCall());
    await resource.remove({ ...wanted, role: "nobody_at_all" }, testCall());
  });

  test("unknown names, settings that a role cannot have and bad values are refused with the reason", async () => {
    expect(
      await failuresOf(
        inputs(
          {
            idle_sesion_timeout: "30min",
            shared_buffers: "1GB",
            log_destination: "stderr",
            log_connections: "on",
            server_version: "12",
            idle_session_timeout: "30 parsecs",
            lock_timeout: "-5",
            work_mem: "64mb",
            max_parallel_workers: "4kB",
            jit: "maybe",
            synchronous_commit: "sometimes",
            timezone: "Mars/Olympus",
            temp_tablespaces: '"open',
            "bad name.x": "1",
            constructor: "1",
          },
          { databases: { nowhere: { jit: "on" } } },
        ),
      ),
    ).toEqual({
      "settings.idle_sesion_timeout": "the server has no setting idle_sesion_timeout; see pg_settings for its settings",
      "settings.shared_buffers": expect.stringContaining("needs a restart"),
      "settings.log_destination": expect.stringContaining("then a reload"),
      "settings.log_connections": expect.stringContaining("fixed when a session starts"),
      "settings.server_version": expect.stringContaining("only reports how the server was built"),
      "settings.idle_session_timeout":
        "idle_session_timeout: parsecs is not a valid unit: use us, ms, s, min, h, d (default: ms)",
      "settings.lock_timeout": "lock_timeout: -5 is not between 0 and 2147483647 (in ms)",
      "settings.work_mem": "work_mem: mb is not a valid unit: use B, kB, MB, GB, TB (default: kB)",
      "settings.max_parallel_workers": "max_parallel_workers: it takes a number without a unit, not kB",
      "settings.jit": "jit: maybe is not a boolean: use on or off",
      "settings.synchronous_commit": expect.stringContaining("sometimes is not one of local, remote_write"),
      "settings.timezone": 'invalid value for parameter "TimeZone": "Mars/Olympus"',
      "settings.temp_tablespaces": expect.stringContaining("is not a list of names"),
      'settings["bad name.x"]': expect.stringContaining("bad name.x"),
      "settings.constructor": expect.stringContaining("the server has no setting constructor"),
      "databases.nowhere": "the server has no database nowhere; it has Odd db, postgres",
    });
  });

  test("a setting that the official Role manages is refused, but allowed IN DATABASE", async () => {
    const managed = { statement_timeout: 1, Idle_in_transaction_session_timeout: 1, search_path: "a", role: "b" };
    const failures = await failuresOf(inputs(managed));
    expect(Object.keys(failures)).toEqual(Object.keys(managed).map((name) => `settings.${name}`));
    for (const reason of Object.values(failures)) expect(reason).toContain("is managed by the official Role");
    const databases = { "Odd db": { search_path: "a", statement_timeout: "5s" } };
    expect((await planOf(inputs({}, { databases }))).failures).toBeUndefined();
  });

  test("one setting in two spellings is refused", async () => {
    expect(await failuresOf(inputs({ TimeZone: "UTC", timezone: "UTC" }))).toEqual({
      "settings.timezone": "it is the same setting as TimeZone: Postgres ignores the case of setting names",
    });
  });

  test("the check does not change the session that it uses", async () => {
    const show = () => server.session(undefined, (db) => db.query("SELECT current_setting('TimeZone') AS zone"));
    const before = (await show()).rows;
    expect((await planOf(inputs({ timezone: "Asia/Tokyo" }))).failures).toBeUndefined();
    expect((await show()).rows).toEqual(before);
  });

  test("a plan works before the role exists and with unknown values; apply reports the missing role", async () => {
    const wanted = { ...inputs({ work_mem: "64MB", jit: unknown }), role: "not_yet" };
    expect((await planOf(wanted)).changes).toEqual({ work_mem: "unset -> 64MB" });
    await expect(apply(wanted)).rejects.toThrow("there is no such role");
  });

  test("a setting with an unknown value is not dropped", async () => {
    await apply(inputs({ jit: "off" }));
    expect((await planOf(inputs({ jit: unknown }), inputs({ jit: "off" }))).changes).toEqual({});
  });

  test("a failed apply reports the setting and the SQLSTATE, and changes nothing", async () => {
    const wanted = inputs({ work_mem: "64MB", timezone: "Mars/Olympus" });
    await expect(apply(wanted)).rejects.toThrow(/cannot set timezone to Mars\/Olympus for .*22023/);
    expect(await stored()).toEqual({});
  });
});
