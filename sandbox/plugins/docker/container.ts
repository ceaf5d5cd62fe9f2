import { isDeepStrictEqual } from "node:util";
import { explainDocker } from "../../../provider/docker/client.ts";
import type { ContainerInspection, Healthcheck } from "../../../provider/docker/engine-types.ts";
import type { PropertyDiff, ResourceType } from "../../../provider/rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, unknown } from "../../../provider/rpc/values.ts";
import type { SandboxDocker } from "../../docker/api.ts";
import { checkInputs, isMap, readInputs, withoutInternals, withoutNulls } from "../inputs.ts";
import { type ContainerInputs, containerInputs, createOptions, networksOf, updateOptions } from "./container-inputs.ts";
import { goDuration } from "./go-duration.ts";

/** Changes of these inputs are updates: of limits and restart policy in the container, of the others in the state only. */
const updated = new Set([
  "restart",
  "maxRetryCount",
  "memory",
  "memorySwap",
  "mustRun",
  "destroyGraceSeconds",
  "wait",
  "waitTimeout",
  "healthcheck",
]);

/** Milliseconds between two checks of a container's health. */
const pollInterval = 250;

/** The official plugin's `docker_container`, limited to the stack's use (kreuzwerker/terraform-provider-docker). */
export function containerResource(docker: () => SandboxDocker): ResourceType {
  return {
    async check(_call, { news }) {
      return { inputs: withoutNulls(news), failures: checkInputs(containerInputs, news) };
    },

    async diff(_call, { olds, news, ignoreChanges }) {
      const after = withoutInternals(news);
      const detailed: Record<string, PropertyDiff> = {};
      for (const key of new Set([
        ...Object.keys(after),
        ...Object.keys(olds).filter((name) => name in containerInputs.shape),
      ])) {
        if (ignoreChanges.includes(key) || same(key, olds[key], after[key])) continue;
        // The image provides the omitted ones.
        if (!(key in after) && ["command", "entrypoints", "workingDir", "user", "mustRun"].includes(key)) continue;
        detailed[key] = { kind: key in after ? (key in olds ? "update" : "add") : "delete", inputDiff: false };
      }
      const changed = Object.keys(detailed);
      return { changes: changed.length > 0, replaces: changed.filter((key) => !updated.has(key)), detailed };
    },

    async create({ signal }, { inputs, preview }) {
      if (preview) return { id: "", outputs: { ...inputs, id: unknown, networkDatas: unknown } };
      const wanted = readInputs(containerInputs, inputs);
      const name = String(wanted.name);
      const id = await started(docker(), wanted, name);
      if (wanted.wait === true) await healthy(docker(), id, name, Number(wanted.waitTimeout ?? 60), signal);
      return { id, outputs: { ...inputs, id, ...(await observed(docker(), id)) } };
    },

    async update(_call, { id, news, preview }) {
      if (preview) return { outputs: { ...news, id } };
      const wanted = readInputs(containerInputs, news);
      const container = docker().getContainer(id);
      await saying(`updating the container ${wanted.name}`, async () => {
        await container.update(updateOptions(wanted));
        const { State } = await container.inspect();
        if (wanted.mustRun !== false && !State.Running) await container.start();
      });
      return { outputs: { ...news, id, ...(await observed(docker(), id)) } };
    },

    async read(_call, { id, inputs, olds }) {
      const found = await inspect(docker(), id);
      if (!found) return undefined;
      const live: PropertyMap = { ...olds, id, ...(await observed(docker(), id)), mustRun: found.State.Running };
      if ("image" in olds) {
        live.image = String(reveal(olds.image ?? "")).startsWith("sha256:") ? found.Image : found.Config.Image;
      }
      const { Healthcheck } = found.Config;
      if (isMap(live.healthcheck) && Healthcheck) live.healthcheck = readBack(Healthcheck, live.healthcheck);
      return { id, inputs: Object.keys(inputs).length > 0 ? inputs : live, outputs: live };
    },

    async delete(_call, { id, olds }) {
      const container = docker().getContainer(id);
      if (!(await inspect(docker(), id))) return;
      const grace = reveal(olds.destroyGraceSeconds ?? null);
      await saying(`removing the container ${String(reveal(olds.name ?? id))}`, async () => {
        if (typeof grace === "number") await container.stop({ t: grace }).catch(unlessStopped);
        await container.remove({ force: true, v: true });
      });
    },
  };
}

/** The declared properties of the live health check, with durations in Go's format. */
function readBack({ Test = [], Retries = 0, ...live }: Healthcheck, declared: PropertyMap): PropertyMap {
  const all: PropertyMap = {
    tests: Test,
    interval: goDuration(live.Interval ?? 0),
    timeout: goDuration(live.Timeout ?? 0),
    startPeriod: goDuration(live.StartPeriod ?? 0),
    retries: Retries,
  };
  return Object.fromEntries(Object.entries(all).filter(([key]) => key in declared));
}

async function started(docker: SandboxDocker, wanted: ContainerInputs, name: string): Promise<string> {
  return saying(`creating the container ${name}`, async () => {
    const container = await docker.createContainer(createOptions(wanted));
    try {
      const [, ...more] = networksOf(wanted);
      for (const { name: network, aliases } of more) {
        const EndpointConfig = aliases.length > 0 ? { Aliases: aliases } : {};
        const path = `/networks/${encodeURIComponent(network)}/connect`;
        await docker.ask("POST", path, {}, { Container: container.id, EndpointConfig });
      }
      await container.start();
    } catch (error) {
      // The next attempt needs the name.
      await container.remove({ force: true, v: true });
      throw error;
    }
    return container.id;
  });
}

async function healthy(
  docker: SandboxDocker,
  id: string,
  name: string,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const { State } = await docker.getContainer(id).inspect();
    if (State.Health?.Status === "healthy") return;
    if (!State.Running)
      throw new Error(`the container ${name} stopped with exit code ${State.ExitCode} before it was healthy`);
    if (Date.now() > end) throw new Error(`the container ${name} was not healthy within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, pollInterval));
  }
}

async function observed(docker: SandboxDocker, id: string): Promise<PropertyMap> {
  const { NetworkSettings, State, HostConfig } = await docker.getContainer(id).inspect();
  const networkDatas = Object.entries(NetworkSettings.Networks).map(([networkName, { IPAddress, Gateway }]) => ({
    networkName,
    ipAddress: IPAddress ?? "",
    gateway: Gateway ?? "",
  }));
  const { MemorySwap = 0 } = HostConfig;
  return {
    networkDatas,
    ...(MemorySwap !== 0 && { memorySwap: MemorySwap > 0 ? MemorySwap / 1024 ** 2 : MemorySwap }),
    ...(State.Running ? {} : { exitCode: State.ExitCode }),
  };
}

async function inspect(docker: SandboxDocker, id: string): Promise<ContainerInspection | undefined> {
  try {
    return await docker.getContainer(id).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw explainDocker(`reading the container ${id.slice(0, 12)}`, error);
  }
}

async function saying<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainDocker(doing, error);
  }
}

/** 304: the container is not running. */
function unlessStopped(error: { statusCode?: number }): void {
  if (error.statusCode !== 304) throw error;
}

/** Compares environment, labels, networks, volumes, mounts and hosts as sets. */
function same(key: string, one: PropertyValue | undefined, other: PropertyValue | undefined): boolean {
  const isSet = ["envs", "labels", "networksAdvanced", "volumes", "mounts", "hosts"].includes(key);
  const comparable = (value: PropertyValue | undefined) => {
    const revealed = reveal(value ?? null);
    return isSet && Array.isArray(revealed) ? revealed.map((entry) => JSON.stringify(entry)).toSorted() : revealed;
  };
  return isDeepStrictEqual(comparable(one), comparable(other));
}
