import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { status } from "@grpc/grpc-js";
import type plugins from "@pulumi/pulumi/proto/plugin_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Secret, unknown } from "../../../provider/rpc/values.ts";
import { type Engine, startEngine } from "./engine.ts";
import { PluginProcess, RpcError } from "./plugin-process.ts";

const command = [process.execPath, join(import.meta.dirname, "sample.ts")];
const urn = (name: string, type = "sample:index:Thing") => `urn:pulumi:dev::app::app:index:Parent$${type}::${name}`;

let engine: Engine;
let plugin: PluginProcess;

beforeAll(async () => {
  engine = await startEngine();
  plugin = await PluginProcess.start(command, { engine: engine.address });
  await plugin.configure({ host: "db", password: new Secret("hunter2hunter2") });
});
afterAll(async () => {
  await plugin.stop();
  engine.stop();
});

async function failure(call: Promise<unknown>): Promise<RpcError> {
  const outcome = await call.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(RpcError);
  return outcome as RpcError;
}

describe("about the plugin", () => {
  test("its handshake accepts secrets, but neither references nor output values", async () => {
    expect((await plugin.handshake(engine.address)).toObject()).toMatchObject({
      acceptSecrets: true,
      acceptResources: false,
      acceptOutputs: false,
    });
  });

  test("its version and schema", async () => {
    expect((await plugin.call<plugins.PluginInfo>("getPluginInfo")).getVersion()).toBe("1.2.3");
    const schema = await plugin.call<messages.GetSchemaResponse>("getSchema", new messages.GetSchemaRequest());
    expect(JSON.parse(schema.getSchema())).toEqual({ name: "sample", resources: {} });
    const later = await failure(plugin.call("getSchema", new messages.GetSchemaRequest().setVersion(1)));
    expect(later.message).toMatch(/no schema of version 1/);
  });

  test.each([
    ["call", new messages.CallRequest()],
    ["construct", new messages.ConstructRequest()],
    ["parameterize", new messages.ParameterizeRequest()],
    ["getMapping", new messages.GetMappingRequest()],
  ] as const)("%s is not implemented", async (method, request) => {
    expect((await failure(plugin.call(method, request))).code).toBe(status.UNIMPLEMENTED);
  });
});

describe("configuration", () => {
  test("is checked", async () => {
    expect(await plugin.checkConfig({ host: unknown })).toEqual({
      inputs: { host: unknown, port: 5432 },
      failures: [{ property: "", reason: "host: is not set" }],
    });
  });

  test("never replaces the provider", async () => {
    const diff = await plugin.call<messages.DiffResponse>("diffConfig", new messages.DiffRequest());
    expect(diff.getChanges()).toBe(messages.DiffResponse.DiffChanges.DIFF_UNKNOWN);
    expect(diff.getReplacesList()).toEqual([]);
  });

  test("is required before any call, must be complete, and can be sent as variables", async () => {
    const fresh = await PluginProcess.start(command);
    try {
      expect((await failure(fresh.create(urn("a"), {}))).message).toBe("the provider sample is not configured");
      const incomplete = await failure(fresh.configure({ host: "db", password: new Secret({ deep: [unknown] }) }));
      expect(incomplete.message).toBe("the configuration is not known yet: password");
      const request = new messages.ConfigureRequest();
      request.getVariablesMap().set("sample:config:host", "nowhere");
      expect((await failure(fresh.call("configure", request))).message).toBe("no such host: nowhere");
      request.getVariablesMap().set("sample:config:host", "db");
      await fresh.call("configure", request);
      expect((await fresh.create(urn("a"), {})).id).toBe("7");
    } finally {
      await fresh.stop();
    }
  });
});

describe("resources", () => {
  test("check receives inputs, seed and old inputs, and returns failures", async () => {
    expect(await plugin.check(urn("a"), { size: new Secret(1) })).toEqual({
      inputs: { size: new Secret(1), hadOlds: false, seed: 32 },
      failures: [],
    });
    expect((await plugin.check(urn("a"), { size: 1 }, { size: 2 })).inputs.hadOlds).toBe(true);
    expect((await plugin.check(urn("a"), { size: "huge" })).failures).toEqual([
      { property: "size", reason: "must be a number, not [secret]" },
    ]);
  });

  test("a failure of a secret names it only in the reason, since the engine prints the value of a property", async () => {
    const { failures } = await plugin.check(urn("a"), { size: "huge", key: [new Secret("x")] });
    expect(failures.map(({ property }) => property)).toEqual(["size"]);
    expect((await plugin.check(urn("a"), { size: new Secret("huge") })).failures).toEqual([
      { property: "", reason: "size: must be a number, not [secret]" },
    ]);
  });

  test("a failure of a missing, null, unknown or nested property names it only in the reason, since the engine would print {<nil>}", async () => {
    const badPaths = ["gone", "none", "later", "list[0]", "list"];
    const { failures } = await plugin.check(urn("a"), { badPaths, none: null, later: unknown, list: ["x"] });
    expect(failures).toEqual([
      ...["gone", "none", "later", "list[0]"].map((path) => ({ property: "", reason: `${path}: is bad` })),
      { property: "list", reason: "is bad" },
    ]);
  });

  test("diff returns no change, details or replaces", async () => {
    const args = { oldInputs: { size: 1 }, olds: { size: 1 }, news: { size: 1 } };
    expect(await plugin.diff(urn("a"), "7", args)).toMatchObject({ changes: false, detailed: undefined });
    expect(await plugin.diff(urn("a"), "7", { ...args, news: { size: 2 } })).toMatchObject({
      changes: true,
      replaces: [],
      detailed: { 'changes["tickets.t9"]': { kind: messages.PropertyDiff.Kind.UPDATE, inputdiff: true } },
    });
    expect(await plugin.diff(urn("replaced"), "7", args)).toMatchObject({
      changes: true,
      replaces: ["size"],
      deleteBeforeReplace: true,
    });
  });

  test("create, also in a preview", async () => {
    expect(await plugin.create(urn("a"), { size: 1 })).toEqual({
      id: "7",
      outputs: { size: 1, id: "7", key: new Secret("made"), preview: false, timeout: 0 },
    });
    expect((await plugin.create(urn("a"), { size: unknown }, true)).outputs).toMatchObject({
      size: unknown,
      id: unknown,
      preview: true,
    });
  });

  test("update receives old outputs and old inputs", async () => {
    const args = { oldInputs: { a: 1 }, olds: { a: 1, b: 2 }, news: { a: 3 }, preview: true };
    expect(await plugin.update(urn("a"), "7", args)).toEqual(args);
  });

  test("read, also of a resource that no longer exists", async () => {
    const known = { inputs: { a: 1 }, outputs: { a: 1, b: new Secret(2) } };
    expect(await plugin.read(urn("a"), "7", known)).toEqual({ id: "7", ...known });
    expect(await plugin.read(urn("gone"), "7", known)).toBeUndefined();
  });

  test("an unknown type", async () => {
    const error = await failure(plugin.create(urn("a", "sample:index:Nothing"), {}));
    expect(error.message).toBe(
      "the provider sample has no resource type sample:index:Nothing (it has: sample:index:Thing)",
    );
    // A property of every object is not a type.
    expect((await failure(plugin.create(urn("a", "constructor"), {}))).message).toMatch(/no resource type constructor/);
  });
});

describe("functions", () => {
  test("return a result or the problem with an argument", async () => {
    expect(await plugin.invoke("sample:index:double", { n: 4 })).toEqual({
      result: { n: 8, preview: false },
      failures: [],
    });
    expect((await plugin.invoke("sample:index:double", { n: "4" })).failures).toEqual([
      { property: "n", reason: "must be a number" },
    ]);
    expect((await failure(plugin.invoke("sample:index:half", {}))).message).toMatch(/no function sample:index:half/);
  });
});

describe("messages", () => {
  test("an error is sent as its message, without secrets and without a stack", async () => {
    const error = await failure(plugin.create(urn("broken"), {}));
    expect(error.message).toBe("could not log in with [secret]");
    expect(error.partial).toBeUndefined();
    expect((await failure(plugin.delete(urn("a"), "7", { inputs: {}, outputs: {} }))).message).toBe("not today");
  });

  test("a partial failure carries its outputs for the state", async () => {
    expect((await failure(plugin.create(urn("partial"), {}))).partial).toEqual({
      id: "half",
      outputs: { done: ["a", new Secret("b")] },
      inputs: {},
      reasons: ["2 of 3: locked"],
    });
  });

  test("lines arrive in order and before the response, with the resource and without secrets", async () => {
    engine.lines.length = 0;
    await plugin.create(urn("loud"), {});
    const lines = engine.lines.filter((line) => line.urn === urn("loud"));
    expect(lines.filter((line) => !line.ephemeral)).toEqual([
      { severity: "info", urn: urn("loud"), message: "made with [secret]", ephemeral: false },
      { severity: "warning", urn: urn("loud"), message: "but slowly", ephemeral: false },
    ]);
    const progress = lines.filter((line) => line.ephemeral).map((line) => line.message);
    expect(progress.at(-1)).toBe("step 50");
    expect(progress.length).toBeLessThan(50);
  });
});

describe("the end", () => {
  const folder = mkdtempSync(join(tmpdir(), "app-roles-test-"));
  const journal = join(folder, "journal");
  afterEach(() => rmSync(journal, { force: true }));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function start(): Promise<PluginProcess> {
    const started = await PluginProcess.start(command, { engine: engine.address, env: { SAMPLE_JOURNAL: journal } });
    await started.configure({});
    return started;
  }

  async function underWay(started: PluginProcess): Promise<{ outcome: Promise<RpcError> }> {
    engine.lines.length = 0;
    const outcome = failure(started.create(urn("waits"), {}));
    while (!engine.lines.some((line) => line.message === "waiting")) await new Promise(setImmediate);
    return { outcome };
  }

  test("Cancel rolls back running calls, refuses later ones, and leaves the plugin running", async () => {
    const started = await start();
    const { outcome } = await underWay(started);
    await started.call("cancel");
    expect((await outcome).message).toBe("rolled back: cancelled");
    expect((await failure(started.create(urn("a"), {}))).code).toBe(status.CANCELLED);
    await started.call("cancel");
    started.signal("SIGINT");
    expect(await started.exited).toBe(0);
    expect(readFileSync(journal, "utf8")).toBe("closed\n");
  });

  test.each(["SIGINT", "SIGTERM"] as const)("the first %s cancels and answers, the second ends", async (signal) => {
    const started = await start();
    const { outcome } = await underWay(started);
    started.signal(signal);
    expect((await outcome).message).toBe("rolled back: cancelled");
    await started.call("cancel");
    started.signal(signal);
    expect(await started.exited).toBe(0);
    expect(readFileSync(journal, "utf8")).toBe("closed\n");
  });

  test("without an engine the first signal ends it", async () => {
    const started = await PluginProcess.start(command, { env: { SAMPLE_JOURNAL: journal } });
    started.signal("SIGTERM");
    expect(await started.exited).toBe(0);
    expect(readFileSync(journal, "utf8")).toBe("closed\n");
  });

  test("when its engine is killed the plugin closes its sessions and exits", async () => {
    const mortal = spawn(process.execPath, [join(import.meta.dirname, "mortal-engine.ts"), ...command], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, SAMPLE_JOURNAL: journal },
    });
    const line = await new Promise<string>((resolve, reject) => {
      createInterface(mortal.stdout).once("line", resolve);
      mortal.once("exit", () => reject(new Error("the engine ended before its plugin was up")));
    });
    const pid = Number(line.split(" ")[0]);
    expect(isAlive(pid)).toBe(true);
    mortal.kill("SIGKILL");
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readFileSync(journal, "utf8")).toBe("closed\n");
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
