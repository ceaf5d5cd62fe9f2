import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dockerCreate } from "../../../components/runtimes/docker-create.ts";
import type { ContainerSpec } from "../../../model/runtime.ts";
import type { ContainerInspection } from "../../../provider/docker/engine-types.ts";
import { type ContainerSteps, containerSteps } from "../../../provider/rollback-kit/container-script.ts";
import { rollbackScript } from "../../../provider/rollback-kit/resource.ts";
import { scriptOf } from "../../../provider/rollback-kit/script.ts";
import { swarmSteps } from "../../../provider/rollback-kit/swarm-script.ts";
import { startDocker } from "../../../sandbox/docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../../sandbox/docker/image.ts";
import { type Swarm, startSwarm } from "../../../sandbox/docker/swarm.ts";
import { run } from "../../../sandbox/process.ts";
import { testCall } from "../calls.ts";

const started = await startDocker();
const why = typeof started === "string" ? started : undefined;
const legacyUrl = `postgres://postgres:it's "$HOME" \`id\` \\ é@db/shop?x=%20&y=#`;
const roleUrl = "postgres://shop_app:role@db/shop";
const subject = { service: "api", stack: "prod", urlKey: "DATABASE_URL" };
const idle = ["-e", "setInterval(() => {}, 1000)"];

const spec: ContainerSpec = {
  image: serviceImage,
  command: ["setInterval(() => {}, 1000)"],
  entrypoint: ["/usr/bin/node", "-e"],
  workingDir: "/tmp",
  env: {},
  ports: ["127.0.0.1:18080:8080/tcp"],
  networks: {},
  volumes: ["data:/data:ro"],
  mounts: [{ type: "volume", source: "more", target: '/more,and "this"', readOnly: true }],
  restart: "on-failure:3",
  healthcheck: { test: ["CMD", "/usr/bin/node", "-e", "it's"], interval: 5000, retries: 2 },
  labels: { "it's": 'a "label"' },
  user: "0:0",
  memory: 64 * 1024 ** 2,
  cpus: 0.5,
  logging: { driver: "json-file", options: { "max-size": "1m" } },
  stopSignal: "SIGINT",
  stopGracePeriod: 1000,
  extraHosts: ["db:10.0.0.1"],
  capAdd: ["NET_ADMIN"],
  capDrop: ["MKNOD"],
};

describe.skipIf(why !== undefined)(`scripts for services that the stack runs${why ? ` (skipped: ${why})` : ""}`, () => {
  const daemon = started as Exclude<typeof started, string>;
  let folder: string;
  let swarm: Swarm;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "app-roles-kit-"));
    await makeServiceImage(daemon.host);
    swarm = await startSwarm(daemon);
  });
  afterAll(async () => {
    await swarm?.leave();
    await daemon.stop();
    await rm(folder, { recursive: true });
  });

  /** As on a bare server: only the PATH of this process's environment. */
  async function runScript(steps: string[]) {
    const file = join(folder, "script.sh");
    await writeFile(file, scriptOf(subject, steps), "latin1");
    const { code, stdout, stderr } = await run("env", ["-i", `PATH=${process.env.PATH}`, "sh", file]);
    return { code, said: stdout + stderr };
  }

  describe("a container", () => {
    const labels = { "app-roles.service": "api", "app-roles.connect-as": "legacy" };
    const steps = (more: Partial<ContainerSpec> = {}): ContainerSteps => ({
      name: "shop-api",
      create: dockerCreate({ ...spec, ...more }, labels),
      networks: { [daemon.network]: ["api", "shop"] },
      env: { DATABASE_URL: legacyUrl, "a.b": "#x y", PEM: "BEGIN\n  it's\nEND", PATH: "/usr/bin" },
      dockerHost: daemon.host,
    });
    const inspect = (name = "shop-api") => daemon.docker.getContainer(name).inspect();

    beforeAll(async () => {
      const options = {
        name: "shop-api",
        Image: serviceImage,
        Cmd: idle,
        Env: [`DATABASE_URL=${roleUrl}`],
        StopTimeout: 0,
      };
      await (await daemon.docker.createContainer(options)).start();
    });

    test("that cannot be started leaves the previous one running", async () => {
      const { Id } = await inspect();
      for (const entrypoint of [["/no/such/program"], ["/usr/bin/node", "-e", "process.exit(7)"]]) {
        const { code, said } = await runScript(containerSteps(steps({ entrypoint })));
        expect({ code, said }).toEqual({
          code: 1,
          said: expect.stringContaining("the previous container runs again"),
        });
        expect(said).toContain("NOT rolled back");
      }
      expect(await inspect()).toMatchObject({ Id, State: { Running: true } });
    });

    test("is created again as declared, with its legacy URL byte for byte, also by a second run", async () => {
      for (const _ of ["once", "and again"]) {
        expect(await runScript(containerSteps(steps()))).toEqual({
          code: 0,
          said: expect.stringContaining("runs with its legacy URL again"),
        });
      }
      const { Config, HostConfig, NetworkSettings, State, Mounts } = (await inspect()) as ContainerInspection & {
        Mounts: { Name: string; Destination: string; RW: boolean }[];
      };
      expect(State.Running).toBe(true);
      expect(Config.Env).toEqual(
        expect.arrayContaining([`DATABASE_URL=${legacyUrl}`, "a.b=#x y", "PEM=BEGIN\n  it's\nEND", "PATH=/usr/bin"]),
      );
      expect(Config).toMatchObject({
        Image: serviceImage,
        Entrypoint: ["/usr/bin/node"],
        Cmd: ["-e", "setInterval(() => {}, 1000)"],
        WorkingDir: "/tmp",
        User: "0:0",
        StopSignal: "SIGINT",
        StopTimeout: 1,
        Labels: { ...labels, "app-roles.rollback": "true", "it's": 'a "label"' },
        Healthcheck: { Test: ["CMD-SHELL", "'/usr/bin/node' '-e' 'it'\\''s'"], Interval: 5e9, Retries: 2 },
      });
      expect(HostConfig).toMatchObject({
        Memory: 64 * 1024 ** 2,
        NanoCpus: 5e8,
        RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
        ExtraHosts: ["db:10.0.0.1"],
        CapDrop: [expect.stringContaining("MKNOD")],
        LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
        PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "18080" }] },
      });
      expect(HostConfig).toMatchObject({ CapAdd: [expect.stringContaining("NET_ADMIN")] });
      expect(NetworkSettings.Networks[daemon.network]).toMatchObject({
        Aliases: expect.arrayContaining(["api", "shop"]),
      });
      expect(Mounts.map(({ Name, Destination, RW }) => [Name, Destination, RW]).sort()).toEqual([
        ["data", "/data", false],
        ["more", '/more,and "this"', false],
      ]);
      const all = await daemon.docker.listContainers({ all: true, filters: { name: ["shop-api"] } });
      expect(all).toHaveLength(1);
    });

    test("a variable of several lines that would change the program or Docker is refused", () => {
      for (const key of ["PATH", "DOCKER_HOST", "a.b"]) {
        expect(() => containerSteps({ ...steps(), env: { [key]: "a\nb" } })).toThrow(`${key} has several lines`);
      }
    });
  });

  describe.each(["env", "file"] as const)("a swarm service with urlFrom: %s", (urlFrom) => {
    const name = `shop-${urlFrom}`;
    const steps = swarmSteps({ name, urlKey: "DATABASE_URL", urlFrom, legacyUrl, dockerHost: daemon?.host });
    const service = () => daemon.docker.getService(name).inspect();

    test("is updated to its legacy URL byte for byte, also by a second run", async () => {
      const secret = async () => {
        const id = await daemon.docker.createSecret({
          Name: "of-the-role",
          Data: Buffer.from(roleUrl).toString("base64"),
        });
        return [
          { SecretID: id, SecretName: "of-the-role", File: { Name: "DATABASE_URL", UID: "0", GID: "0", Mode: 0o444 } },
        ];
      };
      // /usr/bin/node prints its secret file to the log.
      const Args = [
        "-e",
        "console.log(JSON.stringify(process.env.DATABASE_URL ?? require('fs').readFileSync('/run/secrets/DATABASE_URL', 'utf8'))); setInterval(() => {}, 1000)",
      ];
      await daemon.docker.createService({
        Name: name,
        Mode: { Replicated: { Replicas: 1 } },
        TaskTemplate: {
          ContainerSpec: {
            Image: serviceImage,
            Args,
            ...(urlFrom === "env" ? { Env: [`DATABASE_URL=${roleUrl}`, "X=1"] } : { Secrets: await secret() }),
          },
        },
      });
      for (const _ of ["once", "and again"]) {
        expect(await runScript(steps)).toEqual({
          code: 0,
          said: expect.stringContaining("runs with its legacy URL again"),
        });
      }
      const { Spec } = await service();
      expect(Spec.Labels?.["app-roles.connect-as"]).toBe("legacy");
      const { Env = [], Secrets = [] } = Spec.TaskTemplate.ContainerSpec;
      if (urlFrom === "env") expect(Env).toEqual(expect.arrayContaining([`DATABASE_URL=${legacyUrl}`, "X=1"]));
      else expect(Secrets.map(({ File }: { File: { Name: string } }) => File.Name)).toEqual(["DATABASE_URL"]);
      const inputs = { ...subject, folder, legacyUrl, swarm: { name, urlFrom }, dockerHost: daemon.host };
      const { warnings } = await rollbackScript().plan(inputs, inputs, {}, testCall());
      expect(warnings).toEqual(["api was rolled back by its rollback script: this up cuts it over to its role again"]);
      expect((await rollbackScript().plan(inputs, undefined, {}, testCall())).warnings).toEqual([]);
      const running = await daemon.docker.listContainers({
        filters: { label: [`com.docker.swarm.service.name=${name}`] },
      });
      const log = await daemon.docker.getContainer(running[0]?.Id ?? "").logs({ stdout: true });
      expect(log.toString("utf8")).toContain(JSON.stringify(legacyUrl));
      await daemon.docker.getService(name).remove();
    });

    test("that does not exist fails", async () => {
      const { code, said } = await runScript(steps);
      expect({ code: code !== 0, said }).toEqual({ code: true, said: expect.stringContaining("NOT rolled back") });
    });
  });
});
