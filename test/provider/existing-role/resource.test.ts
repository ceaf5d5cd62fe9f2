import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readSnapshot } from "../../../provider/baseline/snapshot.ts";
import { unlimited } from "../../../provider/budget/live-budget.ts";
import { connectionBudget } from "../../../provider/budget/resource.ts";
import { existingRole } from "../../../provider/existing-role/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { toResource } from "../../../provider/reconciler.ts";
import { type PropertyMap, unknown } from "../../../provider/rpc/values.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof existingRole>["apply"]>[0];

const role = 'Grafana "ro"';
const quoted = '"Grafana ""ro"""';

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let resource: ReturnType<typeof existingRole>;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    resource = existingRole(server);
    admin = await postgres.connect();
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(() =>
    admin.query(`CREATE ROLE ${quoted} LOGIN PASSWORD 'admin';
                 ALTER ROLE ${quoted} SET statement_timeout = '1min'; ALTER ROLE ${quoted} SET work_mem = '8MB';
                 ALTER ROLE ${quoted} IN DATABASE postgres SET work_mem = '9MB'`),
  );
  afterEach(() => admin.query(`DROP ROLE IF EXISTS ${quoted}`));

  const inputs = async (more: Partial<Inputs> = {}): Promise<Inputs> => {
    const scope = { schemas: [], outside: [], roles: [], existingRoles: [role] };
    const { existingRoles } = await readSnapshot(admin, "postgres", scope);
    return { role, connectionLimit: 5, settings: {}, former: existingRoles[role] ?? null, ...more };
  };
  const changesOf = async (wanted: Inputs, olds?: Inputs) => (await resource.plan(wanted, olds, {})).changes;

  test("apply sets the limit and the settings, and remove restores the baseline", async () => {
    const before = await observe(admin);
    const wanted = await inputs({
      settings: { statement_timeout: 30000, search_path: '"Odd, one", public', idle_session_timeout: "30min" },
    });
    expect(await changesOf(wanted)).toEqual({
      "connection limit": "unlimited -> 5",
      statement_timeout: "1min -> 30000",
      search_path: 'unset -> "Odd, one", public',
      idle_session_timeout: "unset -> 30min",
    });
    expect(await observe(admin)).toEqual(before);
    expect(await resource.apply(wanted, undefined, testCall())).toContain("connection limit unlimited -> 5");
    expect(await changesOf(wanted, wanted)).toEqual({});
    const session = await postgres.connect({ user: role, password: "admin" });
    expect((await session.query("SHOW statement_timeout")).rows).toEqual([{ statement_timeout: "30s" }]);
    await session.end();

    // A setting that is no longer declared is restored, the others stay.
    const fewer = { ...wanted, settings: { idle_session_timeout: "30min" } };
    expect(await changesOf(fewer, wanted)).toEqual({
      statement_timeout: "30000 -> 1min",
      search_path: '"Odd, one", public -> unset',
    });
    await resource.apply(fewer, wanted, testCall());

    await resource.remove(fewer, testCall());
    expect(await observe(admin)).toEqual(before);
    await resource.remove(fewer, testCall());
    expect(await observe(admin)).toEqual(before);
  });

  test("a limit that was changed by hand is drift", async () => {
    const wanted = await inputs();
    await resource.apply(wanted, undefined, testCall());
    await admin.query(`ALTER ROLE ${quoted} CONNECTION LIMIT 50`);
    expect(await changesOf(wanted, wanted)).toEqual({ "connection limit": "50 -> 5" });
    await resource.apply(wanted, wanted, testCall());
    expect(await changesOf(wanted, wanted)).toEqual({});
  });

  test("a plan works without the baseline; remove is refused without it", async () => {
    const wanted = await inputs({ former: unknown });
    expect(await changesOf(wanted)).toEqual({ "connection limit": "unlimited -> 5" });
    await expect(resource.remove(wanted, testCall())).rejects.toThrow(/no baseline/);
  });

  test("a role or setting that does not exist and an invalid value are refused", async () => {
    const failuresOf = async (more: Partial<Inputs>) =>
      (await resource.plan(await inputs(more), undefined, {})).failures?.map(({ property }) => property);
    expect(await failuresOf({ role: "nobody" })).toEqual(["role"]);
    expect(await failuresOf({ settings: { no_such: "1", work_mem: "much" } })).toEqual([
      "settings.no_such",
      "settings.work_mem",
    ]);
  });

  test("warns of a superuser, and of a role with more sessions than its limit", async () => {
    const one = await postgres.connect({ user: role, password: "admin" });
    const two = await postgres.connect({ user: role, password: "admin" });
    const { warnings } = await resource.plan(await inputs({ connectionLimit: 1 }), undefined, {});
    expect(warnings).toEqual([expect.stringContaining("has 2 sessions now, more than its limit of 1")]);
    await admin.query(`ALTER ROLE ${quoted} SUPERUSER`);
    const { warnings: ofSuperuser } = await resource.plan(await inputs(), undefined, {});
    expect(ofSuperuser).toEqual([expect.stringContaining("is a superuser")]);
    await Promise.all([one.end(), two.end()]);
  });

  test("the budget's difference lists changes by role, with the inputs of any previous up", async () => {
    const budget = toResource(connectionBudget(server));
    const entry = (role: string, limit: number, source = "declared") => ({ role, limit, source });
    const changesOf = async (olds: PropertyMap | undefined, news: PropertyMap) => {
      const { inputs } = await budget.check(testCall(), { news, ...(olds && { olds }), randomSeed: new Uint8Array() });
      if (!olds) return inputs.changes;
      const diff = { id: "connection-budget", olds, oldInputs: olds, news: inputs, ignoreChanges: [] };
      const { changes, detailed } = await budget.diff(testCall(), diff);
      const named = Object.keys(inputs.changes as object).map((role) => `changes.${role}`);
      expect(Object.keys(detailed ?? {}).filter((path) => !/^(undeclared|unlimited|superusers)/.test(path))).toEqual(
        named,
      );
      expect(changes || named.length === 0).toBe(true);
      return inputs.changes;
    };
    const before = { ceiling: 95, entries: [entry("bi_user", 5), entry("shop_owner", 9), entry("etl", 4, "existing")] };
    expect(await changesOf(undefined, before)).toEqual({});
    const { inputs: olds } = await budget.check(testCall(), { news: before, randomSeed: new Uint8Array() });
    expect(await changesOf(olds, { ...before, entries: before.entries.toReversed() })).toEqual({});
    const after = { ...before, entries: [entry("shop_owner", 10), entry("etl", 4, "declared"), entry("new_app", 3)] };
    const expected = {
      bi_user: "limit 5 (declared) -> not in the budget",
      shop_owner: "limit 9 (declared) -> limit 10 (declared)",
      etl: "limit 4 (existing) -> limit 4 (declared)",
      new_app: "not in the budget -> limit 3 (declared)",
    };
    expect(await changesOf(olds, after)).toEqual(expected);
    expect(
      (
        await budget.update(testCall(), {
          id: "connection-budget",
          oldInputs: olds,
          olds,
          news: after,
          preview: false,
          timeout: 0,
        } as never)
      ).outputs,
    ).toMatchObject(after);
  });
});

test("an enforced role counts as limited, unless it is a superuser", () => {
  const entries = ["a", "b", "c", "d"].map((name) => ({ role: name, limit: 5, source: "existing" as const }));
  const live = (name: string, limit: number, superuser = false) => ({ role: name, limit, superuser, sessions: 0 });
  expect(unlimited(entries, [live("a", -1), live("b", 9), live("c", -1, true), live("d", 9)], ["a", "b", "c"])).toEqual(
    {
      c: "declared 5, live unlimited, superuser",
      d: "declared 5, live limit 9",
    },
  );
});
