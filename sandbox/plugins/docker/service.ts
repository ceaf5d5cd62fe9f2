import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { explainDocker } from "../../../provider/docker/client.ts";
import type { ContainerInspection } from "../../../provider/docker/engine-types.ts";
import { PartialFailure, type PropertyDiff, type ResourceType } from "../../../provider/rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, Secret, unknown } from "../../../provider/rpc/values.ts";
import type { LiveService, SandboxDocker } from "../../docker/api.ts";
import { checkInputs, isMap, readInputs, withoutInternals, withoutNulls } from "../inputs.ts";
import { nanoseconds } from "./go-duration.ts";
import { previewInputs, type ServiceInputs, serviceInputs } from "./service-inputs.ts";
import { fromSpec, type ServiceSpec, toSpec } from "./service-spec.ts";

/** Milliseconds between two checks of a service's tasks. */
const pollInterval = 250;

/** Milliseconds before the first check of a rollout. The official plugin ignores `convergeConfig.delay` here. */
const rolloutDelay = 7000;

/** A change of these replaces the service. Any other change is a rollout. */
const forcesNew = [
  "name",
  "taskSpec.containerSpec.hosts",
  "taskSpec.containerSpec.labels",
  "taskSpec.networksAdvanceds",
];

/** Lists whose order is irrelevant. */
const sets = ["labels", "mounts", "hosts", "secrets", "networksAdvanceds", "aliases"];

interface Task {
  Slot: number;
  DesiredState: string;
  Status: { State: string; Err?: string };
}

/**
 * The official plugin's `docker_service` for replicated services (kreuzwerker/terraform-provider-docker). Unlike the
 * official one, it does not query a registry for the image's digest.
 */
export function serviceResource(docker: () => SandboxDocker): ResourceType {
  return {
    async check(_call, { news }) {
      const given = withoutNulls(news);
      const failures = checkInputs(previewInputs, given);
      if (failures.length > 0) return { inputs: given, failures };
      return { inputs: completed(given, readInputs(previewInputs, given) as PropertyMap) as PropertyMap };
    },

    async diff(_call, { olds, news, ignoreChanges }) {
      const before = Object.fromEntries(Object.entries(olds).filter(([key]) => key in serviceInputs.shape));
      const detailed = differences(before, withoutInternals(news), "");
      for (const ignored of ignoreChanges) delete detailed[ignored];
      const changed = Object.keys(detailed);
      const isForced = (path: string) => forcesNew.some((forced) => path === forced || path.startsWith(`${forced}[`));
      return { changes: changed.length > 0, replaces: changed.filter(isForced), detailed };
    },

    async create({ signal, report }, { inputs, preview }) {
      if (preview) return { id: "", outputs: { ...inputs, id: unknown } };
      const wanted = readInputs(serviceInputs, inputs);
      const id = await saying(`creating the service ${wanted.name}`, () => docker().createService(toSpec(wanted)));
      try {
        await created(docker(), id, wanted, { signal, report });
      } catch (error) {
        // Like the official plugin, it removes a service that does not start.
        await docker().getService(id).remove();
        throw error;
      }
      return { id, outputs: { ...inputs, id } };
    },

    async update({ signal, report }, { id, news, preview }) {
      if (preview) return { outputs: { ...news, id } };
      const wanted = readInputs(serviceInputs, news);
      const service = docker().getService(id);
      await saying(`updating the service ${wanted.name}`, async () => {
        const { Version } = await service.inspect();
        await service.update({ version: Version.Index, ...toSpec(wanted) });
      });
      try {
        await rolledOut(docker(), id, wanted, { signal, report });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new PartialFailure({ id, outputs: { ...news, id }, inputs: news, reasons: [reason] });
      }
      return { outputs: { ...news, id } };
    },

    async read(_call, { id, inputs, olds }) {
      const found = await inspect(docker(), id);
      if (!found) return undefined;
      const before = Object.fromEntries(Object.entries(olds).filter(([key]) => key in serviceInputs.shape));
      const declared = Object.keys(before).length > 0 ? readInputs(serviceInputs, before) : imported(found.Spec);
      const live = fromSpec(found.Spec, declared) as unknown as PropertyMap;
      const outputs = { ...(marked(before, live) as PropertyMap), id: found.ID };
      return { id: found.ID, inputs: Object.keys(inputs).length > 0 ? inputs : live, outputs };
    },

    async delete({ signal }, { id, olds }) {
      const wanted = readInputs(
        serviceInputs,
        Object.fromEntries(Object.entries(olds).filter(([key]) => key in serviceInputs.shape)),
      );
      await saying(`removing the service ${wanted.name}`, async () => {
        const containers = await containersOf(docker(), id);
        await docker().getService(id).remove().catch(unlessGone);
        const grace = nanoseconds(wanted.taskSpec.containerSpec.stopGracePeriod ?? "0s") / 1e6;
        for (const end = Date.now() + grace; containers.length > 0 && Date.now() < end; await sleep(pollInterval)) {
          signal.throwIfAborted();
          const states = await Promise.all(containers.map((each) => inspectContainer(docker(), each)));
          if (states.every((state) => state === undefined)) return;
        }
        if (grace > 0) {
          for (const each of containers) await docker().getContainer(each).remove({ force: true }).catch(unlessGone);
        }
      });
    },
  };
}

type Watch = Pick<Parameters<ResourceType["create"]>[0], "signal" | "report">;

async function created(
  docker: SandboxDocker,
  id: string,
  wanted: ServiceInputs,
  { signal, report }: Watch,
): Promise<void> {
  const { convergeConfig } = wanted;
  if (!convergeConfig) return;
  const end = Date.now() + nanoseconds(convergeConfig.timeout) / 1e6;
  await sleep(nanoseconds(convergeConfig.delay) / 1e6, undefined, { signal });
  for (;;) {
    const tasks = await tasksOf(docker, id);
    if (progress(tasks, wanted, report)) return;
    if (Date.now() > end) throw notConverged(id, wanted);
    await sleep(pollInterval, undefined, { signal });
  }
}

async function rolledOut(
  docker: SandboxDocker,
  id: string,
  wanted: ServiceInputs,
  { signal, report }: Watch,
): Promise<void> {
  const { convergeConfig } = wanted;
  if (!convergeConfig) return;
  const end = Date.now() + nanoseconds(convergeConfig.timeout) / 1e6;
  await sleep(rolloutDelay, undefined, { signal });
  for (;;) {
    const { UpdateStatus } = await docker.getService(id).inspect();
    const { State = "", Message = "" } = UpdateStatus ?? {};
    if (State === "completed") return;
    const tasks = await tasksOf(docker, id);
    if (["rollback_completed", "rollback_paused", "paused"].includes(State)) {
      // The official plugin includes neither the service's name nor its containers' output.
      const ended = State === "paused" ? "update paused" : State.replace("_", " ");
      throw new Error(`service ${ended}: ${Message}`);
    }
    if (!State.startsWith("rollback") && progress(tasks, wanted, report)) return;
    if (Date.now() > end) throw notConverged(id, wanted);
    await sleep(pollInterval, undefined, { signal });
  }
}

/** Whether all replicas run. A slot with two tasks counts only if both run. */
function progress(tasks: Task[], { name, mode }: ServiceInputs, report: Watch["report"]): boolean {
  const replicas = mode?.replicated.replicas ?? 1;
  const slots = new Map<number, boolean>();
  for (const { Slot, DesiredState, Status } of tasks) {
    if (DesiredState !== "running") continue;
    slots.set(Slot, (slots.get(Slot) ?? true) && Status.State === "running");
  }
  const running = [...slots.values()].filter((isRunning) => isRunning).length;
  report.progress(`${name}: ${running} of ${replicas} replicas run`);
  return running === replicas;
}

function notConverged(id: string, { convergeConfig }: ServiceInputs): Error {
  return new Error(`Service with ID (${id}) did not converge after ${convergeConfig?.timeout}`);
}

async function tasksOf(docker: SandboxDocker, id: string): Promise<Task[]> {
  return docker.ask("GET", "/tasks", { filters: JSON.stringify({ service: [id] }) });
}

/** The containers of the running tasks. */
async function containersOf(docker: SandboxDocker, id: string): Promise<string[]> {
  type Run = Task & { Status: { ContainerStatus?: { ContainerID?: string } } };
  const tasks = (await tasksOf(docker, id)) as Run[];
  return tasks.flatMap(({ Status }) => (Status.State === "running" ? (Status.ContainerStatus?.ContainerID ?? []) : []));
}

async function inspect(docker: SandboxDocker, id: string): Promise<LiveService | undefined> {
  try {
    return await docker.getService(id).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw explainDocker(`reading the service ${id}`, error);
  }
}

async function inspectContainer(docker: SandboxDocker, id: string): Promise<ContainerInspection | undefined> {
  return docker
    .getContainer(id)
    .inspect()
    .catch((error) => {
      unlessGone(error);
      return undefined;
    });
}

async function saying<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainDocker(doing, error);
  }
}

/** 404: already removed; 409: being removed. */
function unlessGone(error: { statusCode?: number }): void {
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
}

/** The inputs of an imported service: all its properties. */
function imported({ Name, TaskTemplate }: ServiceSpec): ServiceInputs {
  const { Image, Healthcheck, StopGracePeriod } = TaskTemplate.ContainerSpec;
  const containerSpec = {
    image: Image,
    ...(Healthcheck?.Test?.length && { healthcheck: {} }),
    ...(StopGracePeriod && { stopGracePeriod: "1s" }),
  };
  return serviceInputs.parse({ name: Name, taskSpec: { containerSpec }, mode: { replicated: {} } });
}

/** Adds defaults to the inputs and keeps their secret marks. */
function completed(given: PropertyValue, parsed: PropertyValue | undefined): PropertyValue {
  if (given instanceof Secret) return new Secret(completed(given.value, parsed));
  if (Array.isArray(given) && Array.isArray(parsed)) return given.map((each, i) => completed(each, parsed[i]));
  if (!isMap(given) || !isMap(parsed)) return given;
  const known = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, completed(value, parsed[key])]));
  return { ...parsed, ...known };
}

/** Marks live values as secret if the previous ones were. */
function marked(before: PropertyValue | undefined, live: PropertyValue): PropertyValue {
  if (before === undefined) return live;
  if (same("", before, live)) return before;
  if (isMap(before) && isMap(live)) {
    const isSecret = hasSecret(before);
    return Object.fromEntries(
      Object.entries(live).map(([key, value]) => {
        if (key in before) return [key, marked(before[key], value)];
        return [key, isSecret && !isMap(value) ? new Secret(value) : value];
      }),
    );
  }
  return hasSecret(before) ? new Secret(live) : live;
}

function hasSecret(value: PropertyValue | undefined): boolean {
  if (value instanceof Secret) return true;
  if (Array.isArray(value)) return value.some(hasSecret);
  return isMap(value) && Object.values(value).some(hasSecret);
}

/** Compares maps key by key and lists as a whole. */
function differences(one: PropertyMap, other: PropertyMap, base: string): Record<string, PropertyDiff> {
  const found: Record<string, PropertyDiff> = {};
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [before, after] = [one[key], other[key]];
    const path = /^[A-Za-z_]\w*$/.test(key) ? (base ? `${base}.${key}` : key) : `${base}["${key}"]`;
    if (same(key, before, after)) continue;
    if (isMap(before) && isMap(after)) Object.assign(found, differences(before, after, path));
    else
      found[path] = {
        kind: before === undefined ? "add" : after === undefined ? "delete" : "update",
        inputDiff: false,
      };
  }
  return found;
}

function same(key: string, one: PropertyValue | undefined, other: PropertyValue | undefined): boolean {
  const comparable = (value: PropertyValue | undefined) => {
    const revealed = reveal(value ?? null);
    if (!Array.isArray(revealed)) return revealed;
    return sets.includes(key) ? revealed.map(sorted).toSorted() : revealed;
  };
  return isDeepStrictEqual(comparable(one), comparable(other));
}

function sorted(entry: PropertyValue): string {
  return JSON.stringify(isMap(entry) ? Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1)) : entry);
}
