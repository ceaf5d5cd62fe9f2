import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toStruct } from "../../../provider/rpc/marshal.ts";
import { type PropertyMap, unknown } from "../../../provider/rpc/values.ts";
import { startEngine } from "../../provider/rpc/engine.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";
import { pluginCommand } from "../contract/plugins.ts";

const refused = "the sandbox's stand-in does not implement it: omit it, or install the official plugin";

function start(name: string, engine?: string): Promise<PluginProcess> {
  const main = join(import.meta.dirname, "../../../sandbox/plugins", name, "main.ts");
  return PluginProcess.start([process.execPath, main], engine === undefined ? {} : { engine });
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

  test("refuses a role without a name, since it generates none", async () => {
    expect((await plugin.check(urn, {})).failures).toMatchObject([
      { property: "", reason: expect.stringMatching(/^name: /) },
    ]);
  });

  test("accepts unknown inputs", async () => {
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
    ["superuser", { superuser: "maybe" }],
    ["scheme", { scheme: "awspostgres" }],
    ["sslmode", { sslmode: "prefer" }],
    ["port", { port: '"many"' }],
    ["expectedVersion", { expectedVersion: "9.1.0" }],
  ])("refuses an unsupported %s", async (property, settings) => {
    expect((await plugin.checkConfig(settings)).failures).toMatchObject([
      { reason: expect.stringMatching(new RegExp(`^${property}: `)) },
    ]);
  });

  test("accepts settings as values, as JSON in strings, and unknown ones", async () => {
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
  let plugin: PluginProcess;
  beforeAll(async () => {
    plugin = await start("random");
    await plugin.configure({});
  });
  afterAll(() => plugin.stop());

  test.each(["random:index/randomBytes:RandomBytes", "random:index/randomPassword:RandomPassword"])(
    "refuses an input that %s does not have",
    async (type) => {
      const { failures } = await plugin.check(`urn:pulumi:dev::app::${type}::it`, { length: 1, misspelt: true });
      expect(failures).toEqual([{ property: "misspelt", reason: refused }]);
    },
  );

  test("accepts unknown inputs of a password", async () => {
    const urn = "urn:pulumi:dev::app::random:index/randomPassword:RandomPassword::it";
    const inputs = { length: unknown, special: unknown, minLower: unknown, overrideSpecial: unknown, keepers: unknown };
    expect((await plugin.check(urn, inputs)).failures).toEqual([]);
    expect((await plugin.create(urn, inputs, true)).outputs).toMatchObject({ ...inputs, lower: true });
    const { outputs: olds } = await plugin.create(urn, { length: 24, overrideSpecial: "~" });
    const args = { oldInputs: {}, olds, news: { length: 24, overrideSpecial: unknown } };
    expect(await plugin.diff(urn, "none", args)).toMatchObject({ changes: true, replaces: [] });
  });
});

describe("docker", () => {
  const none = "failed to connect to any docker daemon";

  test("fails to configure without a daemon, and reads its address from the flat configuration", async () => {
    const server = createServer((_, response) => void response.end("OK")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const plugin = await start("docker");
    await expect(plugin.configure({ host: "unix:///nowhere/docker.sock" }, "docker")).rejects.toThrow(none);
    const inArgsOnly = new messages.ConfigureRequest().setArgs(toStruct({ host }));
    inArgsOnly.getVariablesMap().set("docker:config:host", "unix:///nowhere/docker.sock");
    await expect(plugin.call("configure", inArgsOnly)).rejects.toThrow(none);
    await plugin.configure({ host }, "docker");
    await plugin.stop();
    server.close();
  });

  test("does not contact a daemon with an ssh address", async () => {
    const plugin = await start("docker");
    await plugin.configure({ host: "ssh://nobody@127.0.0.1:1" }, "docker");
    await plugin.stop();
  });
});

test("warns about the deprecated name of a password's input", async () => {
  const engine = await startEngine();
  const plugin = await start("random", engine.address);
  await plugin.configure({});
  const urn = "urn:pulumi:dev::app::random:index/randomPassword:RandomPassword::it";
  await plugin.check(urn, { length: 1, numeric: true });
  await plugin.check(urn, { length: 1, number: true });
  expect(engine.lines).toMatchObject([{ severity: "warning", message: expect.stringContaining('use "numeric"') }]);
  await plugin.stop();
  engine.stop();
});

describe("the plugin under test", () => {
  test("is an error with the fix if the official plugin is forced and not installed", () => {
    const env = { SANDBOX_PLUGINS: "official", PULUMI_HOME: import.meta.dirname, PATH: import.meta.dirname };
    expect(() => pluginCommand("random", env)).toThrow(/pulumi plugin install resource random/);
  });

  test("is an error for any other value of SANDBOX_PLUGINS", () => {
    expect(() => pluginCommand("random", { SANDBOX_PLUGINS: "offical" })).toThrow(/must be official or standin/);
  });
});
