import { expect, test } from "vitest";
import type { LogRead, Statement } from "../../../cli/discover/evidence.ts";
import { seenStatements } from "../../../cli/discover/seen-statements.ts";
import { findWho } from "../../../cli/discover/services.ts";
import { SessionWatch } from "../../../cli/discover/session-watch.ts";

const watch = new SessionWatch((sql) => sql);
const session = (application: string, address: string) => ({
  id: application,
  pid: 1,
  database: "shop",
  user: "postgres",
  application,
  address,
  isReplication: false,
  state: "idle" as const,
  idleInTransaction: 0,
});
watch.add({ sessions: [session("api", "10.0.0.1"), session("worker", "10.0.0.2")], statements: [] });
const superusers = new Set(["postgres"]);
const { services } = findWho(watch, superusers, [], undefined);

const statement = (text: string, more: Partial<Statement> = {}): Statement => ({
  text,
  database: "shop",
  user: "postgres",
  count: 1,
  source: "log",
  ...more,
});
const seen = (logged: Statement[], sampled: Statement[] = []) =>
  seenStatements(services, sampled, { statements: logged } as LogRead, superusers, 100);

test("a statement that both have is counted as the log has it", () => {
  const logged = statement("SELECT 1", { application: "api", count: 9 });
  const sampled = [
    statement("SELECT 2", { application: "api", source: "session" }),
    statement("DELETE FROM t", { application: "api", source: "session" }),
  ];
  expect(seen([logged], sampled).of.get("api")).toEqual([logged, sampled[1]]);
});

test("a statement that was cut off counts as the log has it if the log has its beginning", () => {
  const rows = "(4711, 'a'), ".repeat(9);
  const api = { application: "api" };
  const logged = [
    statement(`INSERT INTO t VALUES ${rows}(1, 'b') RETURNING id`, api),
    statement(`SELECT ${"a, ".repeat(40)}b FROM t WHERE id = 1`, api),
  ];
  const cut = [
    ...[97, 98, 99].map((length) => `INSERT INTO t VALUES ${rows}(1, 'b')`.slice(0, length)),
    `SELECT ${"a, ".repeat(40)}`.slice(0, 99),
  ].map((text) => statement(text, { ...api, source: "session" }));
  const others = [`SELECT ${"b, ".repeat(40)}`.slice(0, 99), "SELECT a"].map((text) =>
    statement(text, { ...api, source: "session" }),
  );
  expect(seen(logged, [...cut, ...others]).of.get("api")).toEqual([...logged, ...others]);
});

test("only what can be a service's counts as unattributed", () => {
  const others = [
    statement("SELECT 1", { application: "app-roles discover" }),
    statement("SELECT 2", { application: "psql" }),
    statement("SELECT 3", { user: "grafana_ro" }),
    statement("SELECT 4", { database: "other" }),
  ];
  expect(seen(others)).toMatchObject({ unattributed: 0, unattributedIn: new Set() });
  expect(seen([statement("DROP TABLE t", { count: 2 })])).toMatchObject({
    unattributed: 2,
    unattributedIn: new Set(["shop"]),
  });
});
