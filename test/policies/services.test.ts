import { describe, expect, test } from "vitest";
import {
  isMigrationComplete,
  legacyServicesAdvice,
  legacyServiceViolations,
  legacyTraces,
} from "../../policies/legacy-services.ts";
import { liveRoleViolations, superuserNotes } from "../../policies/live-roles.ts";
import { poolViolations } from "../../policies/pools-fit.ts";
import { unknown } from "../../policies/resource.ts";
import { budget, messages, resource, role, service } from "./resources.ts";

describe("pools-fit", () => {
  const owner = role("app", { connectionLimit: 30 });
  const migrator = (name: string, max: number) =>
    service(name, { migrates: true, pool: { max, replicas: 1, surge: 0 } });

  test("counts pools and one migration session each against the role's limit", () => {
    expect(poolViolations([owner, migrator("a", 9), migrator("b", 9), migrator("c", 9)])).toEqual([]);
    expect(messages(poolViolations([owner, migrator("a", 9), migrator("b", 9), migrator("c", 10)]))).toEqual([
      "the pools of app's services can open 31 sessions (a 9 x 1 + 1 migration + b 9 x 1 + 1 migration + c 10 x 1 + 1 migration), 1 more than its connection limit 30; lower a pool's max, or raise the limit if the budget has room",
    ]);
  });

  test("counts replicas and surge, and services that are still on legacy", () => {
    const surging = service("api", { connectAs: "legacy", pool: { max: 10, replicas: 2, surge: 2 } });
    expect(messages(poolViolations([owner, surging]))).toEqual([
      expect.stringContaining("can open 40 sessions (api 10 x (2 + 2 surge))"),
    ]);
  });

  test("all pools must fit the limit of a login role that SET ROLEs to the services' role", () => {
    const logins = [role("app", { login: false }), role("app_a", { assumeRole: "app", connectionLimit: 9 })];
    expect(messages(poolViolations([...logins, migrator("a", 9)]))).toEqual([
      expect.stringMatching(/^the pools of app_a's services can open 10 sessions/),
    ]);
    expect(poolViolations([...logins, migrator("a", 8)])).toEqual([]);
  });

  test.each([
    ["pool", { pool: unknown }],
    ["pool", { pool: { max: unknown, replicas: 1, surge: 0 } }],
    ["role", { role: unknown }],
    ["migrates", { migrates: unknown }],
  ])("refuses an unknown %s", (what, props) => {
    expect(messages(poolViolations([owner, service("api", props)]))).toEqual([
      expect.stringMatching(new RegExp(`^cannot check whether the pool of .* fits: ${what} not known`)),
    ]);
  });
});

describe("legacy-services", () => {
  test("names each service that is not on its role", () => {
    const found = legacyServiceViolations([service("api", { connectAs: "legacy" }), service("worker", {})]);
    expect(messages(found)).toEqual([
      "api still logs in as the legacy user; to cut it over to app, set connectAs: role and run pulumi up",
    ]);
  });

  test("advise once for the whole stack, with every name", () => {
    const [api, cron] = [service("api", { connectAs: "legacy" }), service("cron", { connectAs: "legacy" })];
    expect(legacyServicesAdvice([cron, service("worker", {}), api])).toBe(
      "2 services still log in as the legacy user: api, cron; to cut one over to its role, set connectAs: role and run pulumi up",
    );
    expect(legacyServicesAdvice([api])).toBe(
      "api still logs in as the legacy user; to cut it over to app, set connectAs: role and run pulumi up",
    );
    expect(legacyServicesAdvice([service("worker", {})])).toBeUndefined();
  });

  test("read the end of the migration from the budget", () => {
    expect(isMigrationComplete([budget({ migrationComplete: true })])).toBe(true);
    expect(isMigrationComplete([budget({ migrationComplete: unknown })])).toBe(false);
    expect(isMigrationComplete([budget({})])).toBe(false);
  });
});

test("at the end of the migration no legacy URL and no default privilege for a legacy user may remain", () => {
  const url = (name: string, user: string) =>
    resource("pgaccess:index:ServiceUrl", name, { role: "app", url: `postgresql://${user}:hunter22@db/x` });
  const left = messages(
    legacyTraces([
      url("api", "app"),
      url("worker", "postgres"),
      role("app_a", { assumeRole: "app" }),
      url("rotated", "app_a"),
      role("other_a", { assumeRole: "other" }),
      url("stranger", "other_a"),
      resource("pgaccess:index:ServiceUrl", "cron", { role: "app", url: unknown }),
      resource("pgaccess:index:LegacyUrl", "api", { url: "postgresql://postgres:hunter22@db/x" }),
      resource("pgaccess:index:LegacyUrl", "worker", { url: "postgresql://db/x?sslmode=require" }),
      resource("pgaccess:index:Privileges", "app.x", { legacyUsers: ["postgres"] }),
      resource("pgaccess:index:Privileges", "app.y", { legacyUsers: [] }),
    ]),
  );
  expect(left).toEqual([
    "the URL of worker logs in as postgres, not as app",
    "the URL of stranger logs in as other_a, not as app",
    "the state holds the legacy URL of api",
    "default privileges of app.x still cover objects of postgres; set legacyUsers: []",
  ]);
  expect(left.join()).not.toContain("hunter22");
});

test("live-roles names undeclared roles and those without their limit", () => {
  const live = budget({ undeclared: { old_app: "limit 20" }, unlimited: { grafana_ro: "declared 5, live unlimited" } });
  expect(messages(liveRoleViolations(live))).toEqual([
    "old_app (limit 20) can log in to the live server and is not in the budget; add it under app-roles:existingRoles with its limit, or revoke its LOGIN",
    "the live server does not hold grafana_ro to its limit (declared 5, live unlimited); set enforce: true under app-roles:existingRoles.grafana_ro, or run ALTER ROLE ... CONNECTION LIMIT on the server",
  ]);
  expect(liveRoleViolations(budget({ undeclared: {}, unlimited: {} }))).toEqual([]);
});

test("live-roles reports superusers separately, because no limit applies to the admin", () => {
  const live = budget({
    undeclared: { postgres: "unlimited, superuser", old_app: "unlimited" },
    superusers: ["postgres"],
  });
  expect(messages(liveRoleViolations(live))).toEqual([expect.stringMatching(/^old_app /)]);
  expect(messages(superuserNotes(live))).toEqual([
    "postgres (unlimited, superuser) is a superuser, to which no limit applies; use it for administration only, not for a service",
  ]);
  const declared = budget({ unlimited: { etl: "declared 5, live limit 5, superuser" }, superusers: ["etl"] });
  expect(messages(liveRoleViolations(declared))).toEqual([expect.stringContaining("run ALTER ROLE ... NOSUPERUSER")]);
});
