import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { PropertyMap } from "../../../provider/rpc/values.ts";
import { startDocker } from "../../../sandbox/docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../../sandbox/docker/image.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";
import { pluginCommand } from "./plugins.ts";
import { Resource } from "./resource.ts";

const started = await startDocker();
const why = typeof started === "string" ? started : undefined;

describe.skipIf(why !== undefined)(`Container${why ? ` (skipped: ${why})` : ""}`, () => {
  const daemon = started as Exclude<typeof started, string>;
  let plugin: PluginProcess;

  beforeAll(async () => {
    await makeServiceImage(daemon.host);
    plugin = await PluginProcess.start(pluginCommand("docker"));
    await plugin.configure({ host: daemon.host }, "docker");
  });
  afterEach(async () => {
    for (const { Id } of await daemon.docker.listContainers({ all: true })) {
      await daemon.docker.getContainer(Id).remove({ force: true });
    }
  });
  afterAll(async () => {
    await plugin?.stop();
    await daemon.stop();
  });

  const container = () => new Resource(plugin, "docker:index/container:Container");
  const spec = (more: PropertyMap = {}): PropertyMap => ({
    name: "api",
    image: serviceImage,
    command: ["-e", "process.on('SIGTERM', () => process.exit()); setInterval(() => undefined, 1000)"],
    networksAdvanced: [{ name: daemon.network, aliases: ["backend"] }],
    restart: "unless-stopped",
    mustRun: true,
    destroyGraceSeconds: 5,
    ...more,
  });
  const tests = ["CMD", "/usr/bin/node", "-e", "0"];
  const inspect = (name: string) => daemon.docker.getContainer(name).inspect();

  test("is created as declared; a refresh and a second up find no changes", async () => {
    const all = spec({
      envs: ["B=2", "A=1=1"],
      labels: [{ label: "app-roles.service", value: "api" }],
      healthcheck: { tests, interval: "1m30s", timeout: "1m0s", retries: 2 },
      memory: 256,
      memorySwap: 512,
      cpus: "0.5",
      user: "65534",
      workingDir: "/tmp",
      hosts: [{ host: "db", ip: "10.0.0.5" }],
      mounts: [{ type: "bind", source: "/usr", target: "/host", readOnly: true }],
      capabilities: { drops: ["CAP_NET_RAW"] },
      logDriver: "json-file",
      logOpts: { "max-size": "1m" },
      stopSignal: "SIGTERM",
      stopTimeout: 5,
    });
    const resource = container();
    expect(await resource.up(all)).toBe("create");
    expect(await inspect("api")).toMatchObject({
      State: { Running: true },
      Config: { Healthcheck: { Test: tests, Interval: 90e9, Timeout: 60e9, Retries: 2 }, User: "65534" },
      HostConfig: { Memory: 256 * 1024 ** 2, NanoCpus: 5e8, ExtraHosts: ["db:10.0.0.5"] },
    });
    expect(resource.outputs.networkDatas).toMatchObject([{ networkName: daemon.network, gateway: daemon.gateway }]);
    await resource.refresh();
    expect(await resource.up(all)).toBe("same");
    await resource.destroy();
    expect(await daemon.docker.listContainers({ all: true })).toEqual([]);
  });

  test("returns a health check's durations in Go's format: any other format is a change at every up", async () => {
    const resource = container();
    const declared = spec({ healthcheck: { tests, interval: "60000ms" } });
    await resource.up(declared);
    await resource.refresh();
    expect(resource.outputs.healthcheck).toMatchObject({ tests, interval: "1m0s" });
    expect((await resource.preview(declared)).step).toBe("update");
  });

  test.each([
    ["envs", { envs: ["A=2"] }, "replace"],
    ["command", { command: ["-e", "0"] }, "replace"],
    ["labels", { labels: [{ label: "a", value: "b" }] }, "replace"],
    ["stopSignal", { stopSignal: "SIGINT" }, "replace"],
    ["stopTimeout", { stopTimeout: 3 }, "replace"],
    ["memory", { memory: 128, memorySwap: 256 }, "update"],
    ["restart", { restart: "always" }, "update"],
    ["healthcheck, which does not reach the container", { healthcheck: { tests } }, "update"],
  ])("a change of %s", async (_, changed, step) => {
    const resource = container();
    await resource.up(spec({ envs: ["A=1"], memory: 256, memorySwap: 512, stopSignal: "SIGTERM", stopTimeout: 5 }));
    expect((await resource.preview({ ...(resource.state?.inputs as PropertyMap), ...changed })).step).toBe(step);
  });

  test("that was stopped manually is started again, and one that was removed is created again", async () => {
    const resource = container();
    await resource.up(spec());
    await daemon.docker.getContainer("api").stop({ t: 1 });
    await resource.refresh();
    expect(await resource.up(spec())).toBe("update");
    expect((await inspect("api")).State.Running).toBe(true);
    await daemon.docker.getContainer("api").remove({ force: true });
    await resource.refresh();
    expect(resource.state).toBeUndefined();
  });

  test("whose name is taken fails with Docker's error, and the existing container stays", async () => {
    await container().up(spec());
    const { Id } = await inspect("api");
    await expect(container().up(spec())).rejects.toThrow(/container.*name "\/api" is already in use/);
    expect((await inspect("api")).Id).toBe(Id);
  });

  test("that cannot start fails with Docker's error", async () => {
    await expect(container().up(spec({ entrypoints: ["/nowhere"] }))).rejects.toThrow(/nowhere/);
  });

  test("with a memory limit returns its swap: if it is not declared, it is a change at every up", async () => {
    const resource = container();
    const declared = spec({ memory: 256 });
    await resource.up(declared);
    await resource.refresh();
    expect(resource.outputs.memorySwap).toBe(512);
    expect((await resource.preview(declared)).step).toBe("update");
    expect((await resource.preview({ ...declared, memorySwap: 512 })).step).toBe("same");
  });
});
