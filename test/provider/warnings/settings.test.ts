import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startEstate, type WarnedEstate } from "./estate.ts";

let estate: WarnedEstate;
beforeAll(async () => {
  estate = await startEstate();
});
beforeEach(() => estate.reset());
afterAll(() => estate.stop());

test("settings of the legacy user that the role lacks", async () => {
  await estate.sql(`
    CREATE ROLE old_app; ALTER ROLE old_app SET statement_timeout = '5min'; ALTER ROLE old_app IN DATABASE postgres SET work_mem = '1GB';
    ALTER ROLE old_app IN DATABASE shop SET search_path = app, public; ALTER ROLE old_app SET app.token = 'hunter2';
  `);
  const warningsWith = (more: object = {}) => estate.ofSettings("shop_reader", { legacyUsers: ["old_app"], ...more });
  const lines = await warningsWith();
  expect(lines).toHaveLength(3);
  expect(lines.find((line) => line.startsWith("search_path"))).toMatch(
    /set for old_app in shop \(app, public\) but not for shop_reader: a service that names tables without.*app-roles:roles\.shop_reader\.settings\.search_path/,
  );
  expect(lines.find((line) => line.startsWith("statement_timeout"))).toContain("set for old_app (5min) but not");
  expect(lines.join()).not.toContain("hunter2");
  expect(await warningsWith({ usedIn: ["postgres"] })).toContainEqual(
    expect.stringMatching(/^work_mem: set for old_app in postgres/),
  );
  expect(await warningsWith({ legacyUsers: [] })).toEqual([]);

  const declared = { settings: { "App.Token": "x" }, setElsewhere: ["search_path", "statement_timeout"] };
  expect(await warningsWith(declared)).toEqual([]);
  expect(await warningsWith({ databases: { shop: { search_path: "app" } } })).toHaveLength(2);
  await estate.sql(
    "CREATE ROLE shop_reader; ALTER ROLE shop_reader SET search_path = app; ALTER ROLE shop_reader SET statement_timeout = 1",
  );
  expect(await warningsWith({ settings: { "app.token": "x" } })).toEqual([]);
});

test("idle sessions that hold a lock or listen, and that the role's timeout would end", async () => {
  const settings = { idle_session_timeout: "30min" };
  const warningsWith = (more: object = {}) => estate.ofSettings("shop_reader", { settings, ...more });
  const idle = await estate.postgres.connect({ database: "shop" });
  await idle.query("SET application_name = 'pool'");
  const elsewhere = await estate.postgres.connect();
  await elsewhere.query("SELECT pg_advisory_lock(1)");
  expect(await warningsWith()).toEqual([]);

  const leader = await estate.postgres.connect({ database: "shop" });
  await leader.query("SET application_name = 'scheduler'");
  await leader.query("SELECT pg_advisory_lock(42)");
  const listener = await estate.postgres.connect({ database: "shop" });
  await listener.query("SET application_name = 'notifier'");
  await listener.query("LISTEN orders");
  const lines = await warningsWith();
  expect(lines).toEqual([
    expect.stringMatching(
      /^sessions of notifier in shop: one LISTENs and is idle .*shop_reader it would be ended after 30min/,
    ),
    expect.stringMatching(/^sessions of scheduler in shop: one holds an advisory lock and is idle/),
  ]);
  expect(await warningsWith({ legacyUsers: ["etl"] })).toEqual([]);
  expect(await warningsWith({ usedIn: ["postgres"] })).toHaveLength(1);
  expect(await warningsWith({ settings: {} })).toEqual([]);
  expect(await warningsWith({ settings: { idle_session_timeout: "0" } })).toEqual([]);
  expect(await warningsWith({ databases: { shop: { idle_session_timeout: "0" } } })).toEqual([]);
  await leader.query("SELECT pg_advisory_unlock(42)");
  await listener.query("UNLISTEN *");
  expect(await warningsWith()).toEqual([]);
});
