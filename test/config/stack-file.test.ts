import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseStack } from "../../config/parse-stack.ts";
import { declaredServices, setMigrates } from "../../config/stack-file.ts";
import { connectionBudget } from "../../model/budget.ts";
import { budgetEntries, type Stack } from "../../model/stack.ts";

const cutoverOrder = ["dashboard_api", "ingest_worker", "worker", "webhook_receiver", "gateway", "cron"];

function stackFile(name: string, edit = (text: string) => text): Stack {
  const text = readFileSync(new URL(`../../Pulumi.${name}.yaml`, import.meta.url), "utf8");
  const { config } = parse(edit(text)) as { config: Record<string, unknown> };
  return parseStack(
    Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^app-roles:/, ""), value])),
  );
}

describe("Pulumi.prod.yaml", () => {
  const stack = stackFile("prod");

  test("has the runbook's limits, 86 of 95", () => {
    const budget = connectionBudget(stack.ceiling, budgetEntries(stack));
    expect(budget.entries.map(({ role, limit, source }) => `${role} ${limit} ${source}`)).toEqual([
      "tracksolid_owner 30 declared",
      "dashboard_app 8 declared",
      "gateway_app 15 declared",
      "cron_app 5 declared",
      "analytics_ro 8 existing",
      "dashboard_ro 12 existing",
      "grafana_ro 5 existing",
      "reporting_refresher 3 existing",
    ]);
    expect(budget).toMatchObject({ total: 86, ceiling: 95, over: 0 });
  });

  test("starts with every service on legacy, in the runbook's cutover order", () => {
    expect(stack.services.map(({ name }) => name)).toEqual(cutoverOrder);
    expect(stack.services.map(({ connectAs }) => connectAs)).toEqual(Array(6).fill("legacy"));
    expect(stack.services.map(({ migrates }) => migrates)).toEqual([
      false,
      true,
      true,
      true,
      "unconfirmed",
      "unconfirmed",
    ]);
  });

  test("limits idle sessions and idle transactions of every role", () => {
    for (const { settings } of Object.values(stack.roles)) {
      expect(settings).toEqual({ idle_session_timeout: "30min", idle_in_transaction_session_timeout: 300_000 });
    }
  });

  test("leaves reporting.v_trips with reporting_refresher", () => {
    expect(stack.databases.tracksolid_db).toEqual({
      schemas: ["tracksolid", "reporting", "tickets"],
      owner: "tracksolid_owner",
      keepOwner: { "reporting.v_trips": "reporting_refresher" },
      alsoOwn: [],
      rehearseSql: [],
      exclusive: false,
      revokeFromPublic: [],
    });
    expect(stack.databases.fleet_platform?.owner).toBeUndefined();
  });
});

test("Pulumi.staging.yaml is one step ahead: all services cut over, otherwise the same", () => {
  const prod = stackFile("prod");
  const staging = stackFile("staging");
  expect(staging.services.map(({ name }) => name)).toEqual(cutoverOrder);
  expect(staging.services.map(({ connectAs }) => connectAs)).toEqual(Array(6).fill("role"));
  expect(budgetEntries(staging)).toEqual(budgetEntries(prod));
  expect(staging.databases).toEqual(prod.databases);
});

test.each(["prod", "staging"])(
  "each service of Pulumi.%s.yaml can use compose once its placeholders are filled in",
  (name) => {
    const filledIn = (text: string) =>
      text
        .replace(/^ +runtime: external\n/gm, "")
        .replace(/^( +)# (runtime|compose):/gm, "$1$2:")
        .replace(/<(.+?)>/g, (_, what: string) => what.replaceAll(" ", "-"));
    const services = stackFile(name, filledIn).services;
    expect(services).toHaveLength(6);
    for (const service of services) {
      expect(service).toMatchObject({
        runtime: "compose",
        compose: {
          files: ["docker-compose.yml"],
          service: "its-name-there",
          envFile: "the-file-with-its-DATABASE_URL",
        },
      });
    }
  },
);

test("declaredServices returns the services in the order of the stack file", () => {
  const file = readFileSync(new URL("../../Pulumi.prod.yaml", import.meta.url), "utf8");
  expect(declaredServices(file)).toEqual(cutoverOrder);
});

test.each([
  ["", []],
  ["config:\n", []],
  ["config:\n  app-roles:services:\n", []],
  ["config:\n  app-roles:services: {b: {}, 2: {}, a: {}}\n", ["b", "2", "a"]],
])("%j declares %j", (file, services) => {
  expect(declaredServices(file)).toEqual(services);
});

describe("setMigrates", () => {
  const project = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "app-roles-confirm-"));
  const file = join(folder, "Pulumi.prod.yaml");
  beforeEach(() => {
    cpSync(join(project, "Pulumi.prod.yaml"), file);
    process.chdir(folder);
  });
  afterEach(() => process.chdir(project));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("records the answer with its evidence, in place of the previous one", async () => {
    await setMigrates("prod", "cron", false, "confirmed 2026-01-02: crond only\nno DDL in a week");
    await setMigrates("prod", "cron", false, "confirmed 2026-01-03: read entrypoint.sh");
    const text = readFileSync(file, "utf8");
    expect(text).toContain(
      "      # confirmed 2026-01-03: read entrypoint.sh\n      migrates: false\n      pool: {max: 4,",
    );
    expect(text).not.toContain("crond only");
    expect(parse(text)).toEqual(
      parse(
        readFileSync(join(project, "Pulumi.prod.yaml"), "utf8").replace(/unconfirmed(?![\s\S]*unconfirmed)/, "false"),
      ),
    );
  });

  test("writes evidence of several lines as a comment only", async () => {
    await setMigrates("prod", "gateway", false, "first\n  app-roles:ceiling: 1\n\r\u2028x: y");
    expect(parse(readFileSync(file, "utf8")).config["app-roles:services"].gateway).toMatchObject({ migrates: false });
    expect(parse(readFileSync(file, "utf8")).config["app-roles:ceiling"]).toBe(95);
  });

  test.each([
    ["gatway", false, /declares no service gatway.*; it declares dashboard_api, ingest_worker, worker/],
    [
      "gateway",
      true,
      /was not changed: app-roles:services.gateway.role: the service migrates, .*fleet_platform has none yet/,
    ],
  ])("refuses %s: %s and changes nothing", async (service, migrates, message) => {
    const before = readFileSync(file, "utf8");
    await expect(setMigrates("prod", service, migrates, "x")).rejects.toThrow(message);
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  test("accepts true for a service of the owner", async () => {
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("migrates: true", "migrates: unconfirmed"));
    await setMigrates("prod", "worker", true, "runs run_migrations.py");
    expect(readFileSync(file, "utf8")).toContain("# runs run_migrations.py\n      migrates: true");
  });
});
