import { afterAll, beforeAll, expect, test } from "vitest";
import { ServiceContainers } from "../../../../provider/cutover/gate/containers.ts";
import { dockerClient } from "../../../../provider/docker/client.ts";
import { SandboxDocker } from "../../../../sandbox/docker/api.ts";
import { type Dockerd, noDockerd, startDockerd } from "../../service-env/docker.ts";

const reason = await noDockerd();
const labels = { "app-roles.service": "api" };

let dockerd: Dockerd;
let containers: ServiceContainers;

beforeAll(async () => {
  if (reason !== undefined) return;
  dockerd = await startDockerd();
  containers = new ServiceContainers(dockerClient(dockerd.host), labels);
});
afterAll(() => dockerd?.stop());

/** /bin/sleep, which prints an error and exits with 1 without an argument. */
async function start(name: string, time: string, host: object = {}, more: object = {}): Promise<void> {
  const HostConfig = { NetworkMode: "none", ...host };
  const container = await new SandboxDocker(dockerd.host).createContainer({
    ...{ name, Image: "sleeper:1", Cmd: ["/bin/sleep", time], HostConfig, Labels: labels, ...more },
  });
  await container.start();
}

const found = async (name: string) => (await containers.all()).find((each) => each.name === name);

test.skipIf(reason !== undefined)(
  `Docker says how the containers of a service are${reason ? `: ${reason}` : ""}`,
  async () => {
    await start("up", "1000", {}, { Env: ["DB_PASSWORD=hunter22", "MODE=long enough"] });
    await start("stranger", "1000", {}, { Labels: { "app-roles.service": "other" } });
    expect((await containers.all()).map(({ name }) => name)).toEqual(["up"]);
    const up = await found("up");
    expect(up).toMatchObject({ state: "running", restarts: 0, health: undefined, isTask: false, isOutOfMemory: false });
    expect(up?.secrets).toEqual(["hunter22"]);
    expect(up && (await containers.log(up, up.startedAt))).toEqual([]);

    await start("failed", "soon");
    await expect.poll(() => found("failed"), { timeout: 60_000 }).toMatchObject({ state: "exited", exitCode: 1 });
    const failed = await found("failed");
    const log = failed && (await containers.log(failed, "2026-01-01T00:00:00Z"));
    expect(log?.map(({ text }) => text)).toContain("/bin/sleep: invalid time interval 'soon'");

    await start("looping", "soon", { RestartPolicy: { Name: "always" } });
    await expect.poll(async () => (await found("looping"))?.restarts, { timeout: 60_000 }).toBeGreaterThan(1);

    await start("silent", "1000", { LogConfig: { Type: "none", Config: {} } });
    const silent = await found("silent");
    expect(silent && (await containers.log(silent, silent.startedAt))).toBeUndefined();
  },
);

test.skipIf(reason !== undefined)("a failed Docker query is reported", async () => {
  const nowhere = new ServiceContainers(dockerClient("unix:///nowhere/docker.sock"), labels);
  await expect(nowhere.all()).rejects.toThrow(/^listing the service's containers: Docker: .* Check that Docker runs/);
});
