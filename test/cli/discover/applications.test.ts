import { expect, test } from "vitest";
import { familyOf, isTelling, kindOf, slugOf } from "../../../cli/discover/applications.ts";

test.each([
  ["dashboard_api", "dashboard_api"],
  ["svc2", "svc2"],
  ["sidekiq 7.2.1 shop [3 of 10 busy]", "sidekiq 7.2.1 shop"],
  ["puma: cluster worker 3: 7 [shop]", "puma: cluster worker : [shop]"],
  ["puma: cluster worker 12: 9 [shop]", "puma: cluster worker : [shop]"],
  ["api-7d9f8b6c5d-x2k4q", "api"],
  ["worker-2", "worker"],
  ["billing - 10.0.0.7:41022", "billing"],
  ["celery@host 4", "celery@host"],
  ["", ""],
])("replicas of %j are %j", (application, family) => expect(familyOf(application)).toBe(family));

test.each([
  ["psql", "person"],
  ["pgAdmin 4 - CONN:812345", "person"],
  ["DBeaver 24.1 - Main", "person"],
  ["pg_dump", "tool"],
  ["Patroni heartbeat", "tool"],
  ["pgbench", "tool"],
  ["app-roles", "app-roles"],
  ["app-roles discover", "app-roles"],
  ["psqlite_sync", "service"],
  ["reports", "service"],
])("%j is %s", (application, kind) => expect(kindOf(application)).toBe(kind));

test("names of drivers do not tell services apart", () => {
  for (const name of ["", "PostgreSQL JDBC Driver", "pgx", "Npgsql"]) expect(isTelling(name)).toBe(false);
  expect(isTelling("PostgreSQL JDBC Driver of billing")).toBe(true);
});

test("a service gets a name that the configuration accepts", () => {
  expect(slugOf("Büro: Ärzte/Portal")).toBe("Bu_ro_A_rzte_Portal");
  expect(slugOf("\n\x1b[31m")).toBe("31m");
  expect(slugOf("例")).toBeUndefined();
});
