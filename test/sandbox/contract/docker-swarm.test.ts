import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type PropertyMap, Secret, unknown } from "../../../provider/rpc/values.ts";
import { startDocker } from "../../../sandbox/docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../../sandbox/docker/image.ts";
import { type Swarm, startSwarm } from "../../../sandbox/docker/swarm.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";
import { pluginCommand } from "./plugins.ts";
import { Resource } from "./resource.ts";

const started = await startDocker();
const why = typeof started === "string" ? started : undefined;
const secretType = "docker:index/secret:Secret";
const serviceType = "docker:index/service:Service";

describe.skipIf(why !== undefined)(`swarm resources${why ? ` (skipped: ${why})` : ""}`, () => {
  const daemon = started as Exclude<typeof started, string>;
  let swarm: Swarm;
  let plugin: PluginProcess;

  beforeAll(async () => {
    await makeServiceImage(daemon.host);
    swarm = await startSwarm(daemon);
    plugin = await PluginProcess.start(pluginCommand("docker"));
    await plugin.configure({ host: daemon.host }, "docker");
  });
  afterAll(async () => {
    await plugin?.stop();
    await swarm?.leave();
    await daemon.stop();
  });

  // A failed test must not affect the next one.
  afterEach(async () => {
    for (const { ID } of await daemon.docker.listServices()) await daemon.docker.getService(ID).remove();
  });

  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const secretNames = async () => {
    return (await daemon.docker.listSecrets()).map(({ Spec }) => Spec?.Name);
  };

  describe("Secret", () => {
    const labels = [{ label: "app-roles.service", value: "api" }];

    test("takes the resource's name with random digits, and never shows its data", async () => {
      const secret = new Resource(plugin, secretType, "api");
      await secret.up({ data: base64("hush"), labels });
      expect(secret.outputs.name).toMatch(/^api-[0-9a-f]{7}$/);
      expect(secret.state?.outputs.data).toBeInstanceOf(Secret);
      expect(await secretNames()).toContain(secret.outputs.name);
      await secret.refresh();
      expect(await secret.up({ data: base64("hush"), labels })).toBe("same");
      await secret.destroy();
      expect(await secretNames()).toEqual([]);
    });

    test.each([
      ["data", { name: "one", data: base64("other") }],
      ["name", { name: "two", data: base64("hush") }],
      ["labels", { name: "one", data: base64("hush"), labels }],
      ["data, to an unknown value,", { name: "one", data: unknown }],
    ])("is replaced if its %s changes", async (_, changed) => {
      const secret = new Resource(plugin, secretType);
      await secret.up({ name: "one", data: base64("hush") });
      expect((await secret.preview(changed as PropertyMap)).step).toBe("replace");
      await secret.destroy();
    });

    test("that was removed manually is removed from the state", async () => {
      const secret = new Resource(plugin, secretType);
      await secret.up({ name: "removed", data: base64("hush") });
      await daemon.docker.ask("DELETE", `/secrets/${secret.state?.id}`);
      await secret.refresh();
      expect(secret.state).toBeUndefined();
    });

    test("whose name is taken, or whose data is not base64, is refused", async () => {
      const first = new Resource(plugin, secretType);
      await first.up({ name: "taken", data: base64("hush") });
      await expect(new Resource(plugin, secretType).up({ name: "taken", data: base64("x") })).rejects.toThrow(/taken/);
      await expect(new Resource(plugin, secretType).up({ name: "bad", data: "é" })).rejects.toThrow(/data/);
      await first.destroy();
    });
  });

  test("a network's id is found by its name, and the error for a missing one contains the name", async () => {
    const { result } = await plugin.invoke("docker:index/getNetwork:getNetwork", { name: swarm.network });
    expect(result).toMatchObject({ name: swarm.network, driver: "bridge", scope: "swarm" });
    expect(result.id).toMatch(/^[a-z0-9]{25}$/);
    const missing = plugin.invoke("docker:index/getNetwork:getNetwork", { name: "nowhere" });
    await expect(missing).rejects.toThrow(/network nowhere.*not found/);
  });

  describe("Service", () => {
    const stays = ["-e", "process.on('SIGTERM', () => process.exit()); setInterval(() => undefined, 1000)"];
    // The official plugin's delete fails if a container does not end within its grace period, as on a busy machine.
    const spec = (containerSpec: PropertyMap = {}, more: PropertyMap = {}): PropertyMap => ({
      name: "api",
      taskSpec: {
        containerSpec: { image: serviceImage, args: stays, stopGracePeriod: "30s", ...containerSpec },
        restartPolicy: { condition: "any", delay: "5s", window: "0s" },
      },
      mode: { replicated: { replicas: 1 } },
      updateConfig: { order: "start-first", failureAction: "rollback" },
      convergeConfig: { delay: "1s", timeout: "90s" },
      ...more,
    });
    const live = async (id: string) => (await daemon.docker.getService(id).inspect()).Spec;
    const idOf = (service: Resource) => service.state?.id as string;

    test("is created as declared; a refresh and a second up find no changes", async () => {
      const secret = new Resource(plugin, secretType);
      await secret.up({ name: "url", data: base64("hush") });
      const { result } = await plugin.invoke("docker:index/getNetwork:getNetwork", { name: swarm.network });
      const containerSpec: PropertyMap = {
        env: { LEVEL: "info", TOKEN: "a=b" },
        labels: [
          { label: "b", value: "2" },
          { label: "a", value: "1" },
        ],
        mounts: [{ type: "bind", source: "/usr", target: "/host", readOnly: true }],
        hosts: [{ host: "db", ip: "10.0.0.5" }],
        healthcheck: {
          tests: ["CMD", "/usr/bin/node", "-e", "0"],
          interval: "1.5s",
          timeout: "1m",
          startPeriod: "1m30s",
          retries: 2,
        },
        capDrops: ["CAP_NET_RAW"],
        user: "65534",
        dir: "/tmp",
        stopSignal: "SIGTERM",
        // Keeps running only if it can read the secret.
        args: ["-e", `if (require("fs").readFileSync("/run/secrets/URL", "utf8") !== "hush") throw 1; ${stays[1]}`],
        secrets: [{ secretId: idOf(secret), secretName: "url", fileName: "URL" }],
      };
      const all = spec(containerSpec, { labels: [{ label: "app-roles.service", value: "api" }] });
      Object.assign(all.taskSpec as PropertyMap, {
        networksAdvanceds: [{ id: result.id ?? "", aliases: ["backend"] }],
        logDriver: { name: "json-file", options: { "max-size": "1m" } },
        resources: { limits: { memoryBytes: 256 * 1024 ** 2, nanoCpus: 5e8 } },
      });
      all.rollbackConfig = { order: "start-first" };
      const service = new Resource(plugin, serviceType);
      expect(await service.up(all)).toBe("create");
      expect((await live(idOf(service))).TaskTemplate.ContainerSpec).toMatchObject({
        Env: expect.arrayContaining(["LEVEL=info", "TOKEN=a=b"]),
        Labels: { a: "1", b: "2" },
        Hosts: ["10.0.0.5 db"],
        StopGracePeriod: 30e9,
        Healthcheck: { Interval: 1.5e9, Timeout: 60e9, StartPeriod: 90e9, Retries: 2 },
      });
      await service.refresh();
      expect(await service.up(all)).toBe("same");
      await service.destroy();
      expect(await daemon.docker.listContainers({ filters: { name: ["api"] } })).toEqual([]);
      await secret.destroy();
    });

    test("is updated in place, including drift", async () => {
      const service = new Resource(plugin, serviceType);
      await service.up(spec({ env: { LEVEL: "info" } }, { labels: [{ label: "color", value: "blue" }] }));
      const id = idOf(service);
      const changed = spec({ env: { LEVEL: "debug", MORE: "x" } }, { labels: [{ label: "color", value: "green" }] });
      expect(await service.up(changed)).toBe("update");
      expect(idOf(service)).toBe(id);
      expect((await live(id)).TaskTemplate.ContainerSpec.Env?.toSorted()).toEqual(["LEVEL=debug", "MORE=x"]);

      const { Version, Spec } = await daemon.docker.getService(id).inspect();
      await daemon.docker.getService(id).update({
        version: Version.Index,
        ...Spec,
        Mode: { Replicated: { Replicas: 0 } },
      });
      await service.refresh();
      expect(service.outputs.taskSpec).toMatchObject({ containerSpec: { env: { LEVEL: "debug", MORE: "x" } } });
      expect(service.outputs.mode).toMatchObject({ replicated: { replicas: 0 } });
      expect((await service.preview(changed)).step).toBe("update");
      await service.destroy();
    });

    test("is rolled back automatically after a failed update, with an error; the next update starts from there", async () => {
      const service = new Resource(plugin, serviceType);
      await service.up(spec());
      const broken = service.up(spec({ args: ["-e", "process.exit(3)"] }));
      await expect(broken).rejects.toThrow(/service rollback completed: .*roll/);
      expect((await live(idOf(service))).TaskTemplate.ContainerSpec.Args).toEqual(stays);
      await service.refresh();
      expect(await service.up(spec())).toBe("same");
      await service.destroy();
    });

    test("that never runs, or whose name is taken, fails and leaves no service", async () => {
      const never = spec({ commands: ["/nowhere"] }, { convergeConfig: { delay: "1s", timeout: "8s" } });
      await expect(new Resource(plugin, serviceType).up(never)).rejects.toThrow(
        /Service with ID \(\w+\) did not converge after 8s/,
      );
      expect(await daemon.docker.listServices()).toEqual([]);
      const { convergeConfig: _, ...detached } = spec();
      const first = new Resource(plugin, serviceType);
      await first.up(detached);
      await expect(new Resource(plugin, serviceType).up(detached)).rejects.toThrow(/name conflicts/);
      await first.destroy();
    });

    const labels = [{ label: "color", value: "blue" }];
    test.each([
      ["name", spec({ labels }, { name: "other" })],
      ["hosts", spec({ labels, hosts: [{ host: "db", ip: "10.0.0.6" }] })],
      ["containers' label", spec({ labels: [{ label: "color", value: "green" }] })],
      ["containers' labels, one more,", spec({ labels: [...labels, { label: "more", value: "1" }] })],
      ["containers' labels, one fewer,", spec({ labels: [] })],
      [
        "networks",
        { ...spec(), taskSpec: { ...(spec({ labels }).taskSpec as PropertyMap), networksAdvanceds: [{ id: "x" }] } },
      ],
    ])("is replaced if its %s changes", async (_, changed) => {
      const { convergeConfig: _given, ...detached } = spec({ labels });
      const service = new Resource(plugin, serviceType);
      await service.up(detached);
      expect((await service.preview(changed as PropertyMap)).step).toBe("replace");
      await service.destroy();
    });

    test("with an unknown secret can be previewed", async () => {
      const { convergeConfig: _, ...detached } = spec();
      const service = new Resource(plugin, serviceType);
      await service.up(detached);
      const { step } = await service.preview(spec({ secrets: [{ secretId: unknown, fileName: "URL" }] }));
      expect(step).toBe("update");
      await service.destroy();
    });

    test("without a restart policy's window returns 0s: if it is not declared, it is a rollout at every up", async () => {
      const { convergeConfig: _, ...detached } = spec();
      const restartPolicy = { condition: "any", delay: "5s" };
      const declared = { ...detached, taskSpec: { ...(detached.taskSpec as PropertyMap), restartPolicy } };
      const service = new Resource(plugin, serviceType);
      await service.up(declared);
      await service.refresh();
      expect((service.outputs.taskSpec as PropertyMap).restartPolicy).toMatchObject({ window: "0s" });
      expect((await service.preview(declared)).step).toBe("update");
      expect((await service.preview(detached)).step).toBe("same");
      await service.destroy();
    });

    test.skipIf(pluginCommand("docker").length === 1)("with an input that the stand-in lacks is refused", async () => {
      await expect(new Resource(plugin, serviceType).up(spec({ hostname: "x" }))).rejects.toThrow(/hostname/);
    });

    test("with a wrong input is refused", async () => {
      const service = new Resource(plugin, serviceType);
      await expect(service.up(spec({ stopGracePeriod: "soon" }))).rejects.toThrow(/stopGracePeriod/);
    });
  });
});
