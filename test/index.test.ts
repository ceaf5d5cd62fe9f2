import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { passwordOf, type Ran, run, settled, waitsFor } from "./components/program.ts";

type Program = typeof import("../index.ts");

/** The project's program, with the stack file of production and each test's changes. */
async function runProject(change: (config: Record<string, Record<string, object>>) => void = () => undefined) {
  const file = readFileSync(join(import.meta.dirname, "../Pulumi.prod.yaml"), "utf8");
  const { config } = parse(file) as { config: Record<string, Record<string, object>> };
  change(config);
  const values = Object.entries(config).map(([key, value]) => [key, JSON.stringify(value)]);
  pulumi.runtime.setAllConfig({ ...Object.fromEntries(values), "app-roles:adminPassword": "admin's" });
  vi.resetModules();
  let program: Program | undefined;
  const ran = await run(async () => {
    program = await import("../index.ts");
  });
  return { ran, program: program as Program };
}

/** The cutover of one service. */
const cutOver = (name: string) => (config: Record<string, Record<string, object>>) => {
  Object.assign(config["app-roles:services"]?.[name] as object, { connectAs: "role" });
};

describe("production, nothing cut over", () => {
  let ran: Ran;
  let program: Program;
  beforeAll(async () => {
    ({ ran, program } = await runProject());
  });

  test("creates each resource of the runbook's server", () => {
    const count = (type: string) => ran.all.filter((each) => each.type === type).length;
    expect(count("app-roles:index:DatabaseServer")).toBe(1);
    expect(count("app-roles:index:AppRole")).toBe(4);
    expect(count("app-roles:index:Service")).toBe(6);
    expect(count("postgresql:index/role:Role")).toBe(4);
    expect(count("pgaccess:index:Ownership")).toBe(1);
    const providers = ran.all.filter(({ type }) => type.startsWith("pulumi:providers:"));
    expect(providers.map(({ type }) => type)).toHaveLength(2);
  });

  test("outputs URLs as secrets, one per service", async () => {
    expect(Object.keys(program.databaseUrls)).toEqual([
      "dashboard_api",
      "ingest_worker",
      "worker",
      "webhook_receiver",
      "gateway",
      "cron",
    ]);
    for (const url of Object.values(program.databaseUrls)) expect(await settled(url)).toMatchObject({ isSecret: true });
    expect((await settled(program.databaseUrls.gateway as pulumi.Output<string>)).value).toBe(
      "postgresql://postgres:admin%27s@timescale_db:5432/fleet_platform",
    );
  });

  test("outputs budget, services and roles", async () => {
    expect(await settled(program.connectionBudget)).toMatchObject({
      value: {
        ceiling: 95,
        total: 86,
        entries: expect.arrayContaining([{ role: "grafana_ro", limit: 5, source: "existing" }]),
      },
      isSecret: false,
    });
    expect((await settled(pulumi.output(program.services))).value).toMatchObject({
      dashboard_api: { database: "tracksolid_db", role: "dashboard_app", connectAs: "legacy", runtime: "external" },
    });
    expect((await settled(pulumi.output(program.roles))).value).toEqual({
      tracksolid_owner: { connectionLimit: 30, databases: ["tracksolid_db"] },
      dashboard_app: { connectionLimit: 8, databases: ["tracksolid_db"] },
      gateway_app: { connectionLimit: 15, databases: ["fleet_platform"] },
      cron_app: { connectionLimit: 5, databases: ["fleet_platform"] },
    });
  });

  test("no service waits for anything, and default privileges cover the legacy user's objects", () => {
    for (const { type, name } of ran.all.filter(({ type }) => type === "pgaccess:index:ServiceUrl")) {
      expect(waitsFor(ran, { type, name })).toEqual(new Set());
    }
    for (const { inputs } of ran.all.filter(({ type }) => type === "pgaccess:index:Privileges")) {
      expect(inputs.creators).toContain("postgres");
    }
  });
});

test("destroy starts with the guard, which refuses it while a role has sessions", async () => {
  const { ran } = await runProject();
  const guard = ran.resource("pgaccess:index:DestroyGuard", "roles");
  expect(guard.inputs.roles).toEqual(["tracksolid_owner", "dashboard_app", "gateway_app", "cron_app"]);
  const waits = waitsFor(ran, { type: "pgaccess:index:DestroyGuard", name: "roles" });
  const others = ran.all.filter(({ type }) => /^(pgaccess|postgresql):/.test(type) && !type.endsWith("DestroyGuard"));
  expect([...waits]).toEqual(expect.arrayContaining(others.map(({ type, name }) => `${type} ${name}`)));
});

test("the guard knows the services on a role", async () => {
  expect((await runProject()).ran.resource("pgaccess:index:DestroyGuard", "roles").inputs.services).toEqual([]);
  const { ran } = await runProject(cutOver("dashboard_api"));
  expect(ran.resource("pgaccess:index:DestroyGuard", "roles").inputs.services).toEqual([
    { name: "dashboard_api", role: "dashboard_app", deployed: false },
  ]);
});

test("a cutover changes one service, which then waits for its role and for nothing of another", async () => {
  const { ran, program } = await runProject(cutOver("dashboard_api"));
  const url = (await settled(program.databaseUrls.dashboard_api as pulumi.Output<string>)).value;
  expect(url).toBe(`postgresql://dashboard_app:${passwordOf("dashboard_app")}@timescale_db:5432/tracksolid_db`);
  const waits = waitsFor(ran, { type: "pgaccess:index:ServiceUrl", name: "dashboard_api" });
  expect(waits).toContain("pgaccess:index:Privileges dashboard_app.tracksolid_db");
  expect(waits).toContain("pgaccess:index:Cutovers services");
  expect([...waits].filter((each) => /gateway|cron|Ownership/.test(each))).toEqual([]);
  for (const other of ["worker", "gateway"]) {
    expect(ran.resource("pgaccess:index:ServiceUrl", other).dependencies).toEqual([]);
  }
});

test("services on their roles wait for each other's gates in declared order", async () => {
  const compose = { files: ["docker-compose.yml"], envFile: ".env" };
  const { ran } = await runProject((config) => {
    const services = config["app-roles:services"] as Record<string, object>;
    for (const name of ["dashboard_api", "ingest_worker", "worker"]) {
      Object.assign(services[name] as object, { runtime: "compose", compose });
    }
    for (const name of ["dashboard_api", "worker"]) Object.assign(services[name] as object, { connectAs: "role" });
  });
  const gatesBefore = (name: string) =>
    [...waitsFor(ran, { type: "pgaccess:index:CutoverGate", name })].filter((each) => /CutoverGate/.test(each));
  expect(gatesBefore("dashboard_api")).toEqual([]);
  expect(gatesBefore("ingest_worker")).toEqual([]);
  expect(gatesBefore("worker")).toEqual(["pgaccess:index:CutoverGate dashboard_api"]);
});

test("a migrator restarts only after its role owns what it alters, including new objects", async () => {
  const { ran } = await runProject(cutOver("ingest_worker"));
  const waits = waitsFor(ran, { type: "pgaccess:index:ServiceUrl", name: "ingest_worker" });
  expect(waits).toContain("pgaccess:index:Ownership tracksolid_db");
});

test("the policies read from the budget that the migration is complete", async () => {
  const complete = (isComplete: boolean) =>
    runProject((config) => {
      for (const service of Object.values(config["app-roles:services"] ?? {})) {
        Object.assign(service, { connectAs: "role", migrates: "migrates" in service && service.migrates === true });
      }
      Object.assign(config, { "app-roles:migrationComplete": isComplete });
    });
  const [during, after] = [await complete(false), await complete(true)];
  const budget = ["pgaccess:index:ConnectionBudget", "server"] as const;
  expect(during.ran.resource(...budget).inputs.migrationComplete).toBeUndefined();
  expect(after.ran.resource(...budget).inputs.migrationComplete).toBe(true);
});

test("once every service is cut over, no legacy user is expected to create objects", async () => {
  const { ran } = await runProject((config) => {
    for (const service of Object.values(config["app-roles:services"] ?? {})) {
      if ("migrates" in service && service.migrates === "unconfirmed") Object.assign(service, { migrates: false });
      Object.assign(service, { connectAs: "role" });
    }
  });
  expect(ran.resource("pgaccess:index:Privileges", "tracksolid_owner.tracksolid_db").inputs.creators).toEqual([]);
  expect(ran.resource("pgaccess:index:Privileges", "gateway_app.fleet_platform").inputs.creators).toEqual([]);
});
