import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readStack } from "../../config/read-program-stack.ts";
import { run } from "../components/program.ts";
import { changed, runbookConfig } from "./runbook-config.ts";

/** As Pulumi passes it on: every value a text, objects as JSON with sorted keys, and other namespaces. */
function configure(config: Record<string, unknown>): void {
  const values = Object.entries(config).map(([key, value]) => [`app-roles:${key}`, text(value)]);
  pulumi.runtime.setAllConfig({ "aws:region": "eu-west-1", ...Object.fromEntries(values) });
}
const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(sorted(value)));
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

let folder: string;
const before = process.cwd();
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "app-roles-stack-"));
  process.chdir(folder);
  vi.stubEnv("PGPASSWORD", undefined);
  await run(() => undefined);
});
afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
  pulumi.runtime.setAllConfig({});
});

test("reads only the keys of the namespace app-roles", async () => {
  configure({ ...runbookConfig(), ceiling: 90 });
  const { server, ceiling, roles } = await readStack();
  expect(server).toMatchObject({ host: "timescale_db", admin: { host: "127.0.0.1", user: "postgres" } });
  expect(ceiling).toBe(90);
  expect(Object.keys(roles).toSorted()).toEqual(["dashboard_app", "gateway_app", "tracksolid_owner"]);
});

test("refuses an invalid configuration with every path, as an error that Pulumi prints without its stack", async () => {
  configure({ ...changed("roles.dashboard_app.connectionLimit", -1), celing: 95 });
  await expect(readStack()).rejects.toThrow(pulumi.RunError);
  await expect(readStack()).rejects.toThrow(
    /app-roles:roles\.dashboard_app\.connectionLimit: expected a connection limit/,
  );
  await expect(readStack()).rejects.toThrow(/app-roles:celing: unknown key; did you mean ceiling\?/);
});

describe("the admin's password", () => {
  test("is the configured one, not that of the environment", async () => {
    vi.stubEnv("PGPASSWORD", "from the environment");
    configure({ ...runbookConfig(), adminPassword: "configured" });
    expect((await readStack()).adminPassword).toBe("configured");
  });

  test("comes from the environment if none is configured", async () => {
    vi.stubEnv("PGPASSWORD", "from the environment");
    configure(runbookConfig());
    expect((await readStack()).adminPassword).toBe("from the environment");
  });

  test("is undefined without either", async () => {
    configure(runbookConfig());
    expect((await readStack()).adminPassword).toBeUndefined();
  });
});

describe("the order of services", () => {
  const names = async () => (await readStack()).services.map(({ name }) => name);

  test("comes from the stack's file", async () => {
    configure(runbookConfig());
    const services = "{ worker: {}, gateway: {}, dashboard_api: {} }";
    writeFileSync("Pulumi.prod.yaml", `config:\n  app-roles:services: ${services}\n`);
    writeFileSync("Pulumi.staging.yaml", "config:\n  app-roles:services: { gateway: {} }\n");
    expect(await names()).toEqual(["worker", "gateway", "dashboard_api"]);
  });

  test("is Pulumi's without such a file", async () => {
    configure(runbookConfig());
    expect(await names()).toEqual(["dashboard_api", "gateway", "worker"]);
  });
});
