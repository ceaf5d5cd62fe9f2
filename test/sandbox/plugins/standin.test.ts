import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PropertyMap, unknown } from "../../../provider/rpc/values.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";
import { pluginCommand } from "../contract/plugins.ts";

const refused = "the sandbox's stand-in does not implement it: leave it out, or install the official plugin";

function start(name: string): Promise<PluginProcess> {
  return PluginProcess.start([
    process.execPath,
    join(import.meta.dirname, "../../../sandbox/plugins", name, "main.ts"),
  ]);
}

describe("postgresql", () => {
  const urn = "urn:pulumi:dev::app::postgresql:index/role:Role::it";
  let plugin: PluginProcess;
  beforeAll(async () => {
    plugin = await start("postgresql");
    await plugin.configure({ host: "127.0.0.1" });
  });
  afterAll(() => plugin.stop());

  test.each(["encrypted", "passwordWo", "passwordWoVersion", "misspelt"])("refuses the input %s", async (property) => {
    const { failures } = await plugin.check(urn, { name: "a", [property]: "x" });
    expect(failures).toEqual([{ property, reason: refused }]);
  });

  test("refuses a role without a name: it makes none up", async () => {
    expect((await plugin.check(urn, {})).failures).toMatchObject([{ property: "name" }]);
  });

  test("takes inputs that are not known yet", async () => {
    const inputs = { name: unknown, password: unknown, roles: [unknown], connectionLimit: unknown };
    expect((await plugin.check(urn, inputs)).failures).toEqual([]);
    expect((await plugin.create(urn, inputs, true)).outputs).toMatchObject({
      roles: [unknown],
      connectionLimit: unknown,
    });
  });

  test.each<[string, PropertyMap]>([
    ["awsRdsIamAuth", { awsRdsIamAuth: "true" }],
    ["azureIdentityAuth", { azureIdentityAuth: "true" }],
    ["clientcert", { clientcert: '{"cert":"a","key":"b"}' }],
    ["sslMode", { sslMode: "disable" }],
  ])("refuses the setting %s", async (property, settings) => {
    expect((await plugin.checkConfig(settings)).failures).toEqual([
      { property: "", reason: `${property}: ${refused}` },
    ]);
  });

  test.each<[string, PropertyMap]>([
    ["superuser", { superuser: "false" }],
    ["scheme", { scheme: "awspostgres" }],
    ["sslmode", { sslmode: "prefer" }],
    ["port", { port: '"many"' }],
    ["expectedVersion", { expectedVersion: "9.1.0" }],
  ])("refuses a %s it cannot do", async (property, settings) => {
    expect((await plugin.checkConfig(settings)).failures).toMatchObject([
      { reason: expect.stringMatching(new RegExp(`^${property}: `)) },
    ]);
  });

  test("takes settings as values, as JSON in texts, and not known yet", async () => {
    const settings = {
      port: 5432,
      maxConnections: "1",
      superuser: "true",
      password: unknown,
      expectedVersion: "15.0.0",
    };
    expect(await plugin.checkConfig(settings)).toEqual({ inputs: settings, failures: [] });
  });
});

describe("random", () => {
  const urn = "urn:pulumi:dev::app::random:index/randomBytes:RandomBytes::it";

  test("refuses an input it does not have", async () => {
    const plugin = await start("random");
    await plugin.configure({});
    expect((await plugin.check(urn, { length: 1, misspelt: true })).failures).toEqual([
      { property: "misspelt", reason: refused },
    ]);
    await plugin.stop();
  });
});

describe("which plugin the contract is tried on", () => {
  test("a forced official plugin that is not installed is an error that says how to get it", () => {
    const env = { SANDBOX_PLUGINS: "official", PULUMI_HOME: import.meta.dirname, PATH: import.meta.dirname };
    expect(() => pluginCommand("random", env)).toThrow(/pulumi plugin install resource random/);
  });

  test("any other choice is an error", () => {
    expect(() => pluginCommand("random", { SANDBOX_PLUGINS: "offical" })).toThrow(/must be official or standin/);
  });
});
