import fc from "fast-check";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { longestTimeout, milliseconds } from "../../model/duration.ts";
import { readPreviousSettings, readSettings, settingTexts, settingValue, splitSettings } from "../../model/settings.ts";
import { startPostgres, type TestPostgres } from "../provider/postgres.ts";

let postgres: TestPostgres;
let client: pg.Client;
beforeAll(async () => {
  postgres = await startPostgres();
  client = await postgres.connect();
});
afterAll(() => postgres.stop());

/** A timeout as Postgres reads it, in its base unit; undefined if it refuses it. lock_timeout disturbs no test. */
async function postgresMilliseconds(value: string): Promise<number | undefined> {
  try {
    await client.query("SELECT set_config('lock_timeout', $1, false)", [value]);
  } catch {
    return undefined;
  }
  const { rows } = await client.query("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'");
  await client.query("RESET lock_timeout");
  return Number(rows[0].setting);
}

describe("milliseconds", () => {
  test.each([
    "0",
    "1",
    "60000",
    " 30min ",
    "30 min",
    "1.5s",
    "0.5ms",
    "1.5ms",
    "2.5ms",
    "1500us",
    "500us",
    "2473.4995",
    "2473.4995ms",
    "746.5003",
    "1.00001min",
    "30.1min",
    ".5h",
    "1.h",
    "24d",
    `${longestTimeout}`,
  ])("reads %j as Postgres does", async (value) => {
    const read = await postgresMilliseconds(value);
    expect(read).toBeTypeOf("number");
    expect(milliseconds(value)).toBe(read);
  });

  test.each(["", "min", "5 Min", "5m", "5 minutes", "5min 3s", "30min,", "25d", `${longestTimeout + 1}`, "-1"])(
    "refuses %j, as Postgres does",
    async (value) => {
      expect(await postgresMilliseconds(value)).toBeUndefined();
      expect(milliseconds(value)).toBeUndefined();
    },
  );

  test.each(["010", "0x10", "1e3", "+5"])(
    "refuses %j, which Postgres reads but a person may read otherwise",
    (value) => {
      expect(milliseconds(value)).toBeUndefined();
    },
  );

  test("agrees with Postgres on any fraction of any unit", async () => {
    const fraction = fc.tuple(fc.nat(5000), fc.nat(9999)).map(([whole, part]) => `${whole}.${part}`);
    const unit = fc.constantFrom("", "us", "ms", "s", "min", "h");
    await fc.assert(
      fc.asyncProperty(fraction, unit, async (number, name) => {
        expect(milliseconds(number + name)).toBe(await postgresMilliseconds(number + name));
      }),
      { numRuns: 200 },
    );
  });
});

describe("settingValue", () => {
  test.each([
    ["jit", true, "on"],
    ["jit", false, "off"],
    ["jit", "on", "on"],
    ["idle_session_timeout", "30min", "30min"],
    ["idle_session_timeout", 1_800_000, "1800000"],
    ["random_page_cost", 1.1, "1.1"],
    ["pgaudit.log", "write, ddl", "write, ddl"],
    ["work_mem", null, null],
    ["statement_timeout", "30s", 30_000],
    ["statement_timeout", 5, 5],
    ["search_path", ["tracksolid", "$user"], ["tracksolid", "$user"]],
  ])("%s %j becomes %j", (name, written, value) => {
    expect(settingValue(name, written)).toEqual({ value });
  });

  test.each([
    ["jit", undefined, "expected a text, a number, true, false, or null"],
    ["work_mem", ["4MB"], "found a list"],
    ["work_mem", { value: 4 }, "found an object"],
    ["work_mem", "4\0MB", "expected a text"],
    ["statement_timeout", 0, "expected at least 1ms, found 0"],
    ["idle_in_transaction_session_timeout", "0.2ms", "expected at least 1ms"],
    ["statement_timeout", -1, "found -1"],
    ["statement_timeout", true, "found true"],
    ["search_path", ["a", ""], "expected a list of schemas"],
    ["search_path", ["a", 5], "expected a list of schemas"],
    ["search_path", "a,,b", "expected a list of schemas"],
    ["search_path", 'a, "b', "expected a list of schemas"],
    ["search_path", ["a, b"], 'without ", "'],
  ])("%s %j is refused", (name, written, problem) => {
    expect(settingValue(name, written)).toEqual({ problem: expect.stringContaining(problem) });
  });

  test.each([
    ['"$user", public', ["$user", "public"]],
    ["One,two", ["one", "two"]],
    [' "A ""b""" , two ', ['A "b"', "two"]],
  ])("search_path %j names the schemas that Postgres finds in it", async (written, schemas) => {
    expect(settingValue("search_path", written)).toEqual({ value: schemas });
    const quoted = schemas.map((schema) => client.escapeIdentifier(schema));
    const { rows } = await client.query(
      "SELECT set_config('search_path', $1, true), current_schemas(false) AS as_written, set_config('search_path', $2, true), current_schemas(false) AS as_list",
      [written, quoted.join(", ")],
    );
    expect(rows[0].as_written).toEqual(rows[0].as_list);
  });
});

describe("splitSettings", () => {
  test("null sets nothing, and no setting is in both resources", () => {
    const search_path = ["tracksolid", "public"];
    const settings = { statement_timeout: 2000, idle_in_transaction_session_timeout: 1, search_path, jit: "off" };
    expect(splitSettings({ ...settings, idle_session_timeout: null })).toEqual({
      role: { statementTimeout: 2000, idleInTransactionSessionTimeout: 1, searchPath: search_path },
      other: { jit: "off" },
    });
  });
});

test("reads the official Role's settings from the catalog's entries, without others and malformed ones", () => {
  expect(
    readPreviousSettings(["statement_timeout=5000", 'search_path="$user", "Odd = one", public', "work_mem=8MB", "bad"]),
  ).toEqual({ statementTimeout: 5000, searchPath: ["$user", "Odd = one", "public"] });
  expect(readPreviousSettings(["idle_in_transaction_session_timeout=0"])).toEqual({});
});

test.each([[[]], [[""]], [""], ['""'], [" "]])("an empty search_path is kept, written as %j", (written) => {
  const { search_path = null } = readSettings({ search_path: written }, (_, problem) => expect.fail(problem));
  expect(search_path).toEqual([]);
  // The official Role cannot write an empty list; a schema of this name cannot exist.
  expect(splitSettings({ search_path })).toEqual({ role: { searchPath: ["pg_no_schema"] }, other: {} });
  expect(settingTexts({ search_path })).toEqual({ search_path: '""' });
});

test("an empty search_path of an adopted role is kept, like every other empty value", () => {
  for (const entry of ['search_path=""', "search_path="]) {
    expect(readPreviousSettings([entry, "application_name="])).toEqual({ searchPath: ["pg_no_schema"] });
  }
  expect(readSettings({ "app.token": "" }, (_, problem) => expect.fail(problem))).toEqual({ "app.token": "" });
});
