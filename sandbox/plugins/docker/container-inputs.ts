import { z } from "zod";
import { Unknown } from "../../../provider/rpc/values.ts";
import { orUnknown } from "../inputs.ts";
import { nanoseconds } from "./go-duration.ts";

const text = orUnknown(z.string());
const texts = orUnknown(z.array(orUnknown(z.string())));
const flag = orUnknown(z.boolean());
const whole = orUnknown(z.int());

/** The inputs of the official Container that the stand-in implements. */
export const containerInputs = z.strictObject({
  name: text,
  image: text,
  command: texts.optional(),
  entrypoints: texts.optional(),
  workingDir: text.optional(),
  envs: texts.optional(),
  user: text.optional(),
  labels: orUnknown(z.array(z.strictObject({ label: text, value: text }))).optional(),
  ports: orUnknown(
    z.array(
      z.strictObject({ internal: whole, external: whole.optional(), ip: text.optional(), protocol: text.optional() }),
    ),
  ).optional(),
  networksAdvanced: orUnknown(z.array(z.strictObject({ name: text, aliases: texts.optional() }))).optional(),
  volumes: orUnknown(
    z.array(
      z.strictObject({
        containerPath: text,
        hostPath: text.optional(),
        volumeName: text.optional(),
        readOnly: flag.optional(),
      }),
    ),
  ).optional(),
  mounts: orUnknown(
    z.array(z.strictObject({ type: text, source: text.optional(), target: text, readOnly: flag.optional() })),
  ).optional(),
  hosts: orUnknown(z.array(z.strictObject({ host: text, ip: text }))).optional(),
  capabilities: orUnknown(z.strictObject({ adds: texts.optional(), drops: texts.optional() })).optional(),
  healthcheck: orUnknown(
    z.strictObject({
      tests: texts.optional(),
      interval: text.optional(),
      timeout: text.optional(),
      startPeriod: text.optional(),
      retries: whole.optional(),
    }),
  ).optional(),
  logDriver: text.optional(),
  logOpts: orUnknown(z.record(z.string(), text)).optional(),
  stopSignal: text.optional(),
  /** Seconds. */
  stopTimeout: whole.optional(),
  restart: text.optional(),
  maxRetryCount: whole.optional(),
  /** MB. */
  memory: whole.optional(),
  /** Memory plus swap, in MB. Docker sets it to twice the memory if omitted, which every later up shows as a change. */
  memorySwap: whole.optional(),
  cpus: text.optional(),
  mustRun: flag.optional(),
  /** Seconds between the stop signal and SIGKILL on delete. If omitted, the container is killed immediately. */
  destroyGraceSeconds: whole.optional(),
  wait: flag.optional(),
  waitTimeout: whole.optional(),
});
export type ContainerInputs = z.infer<typeof containerInputs>;

/** A container's networks, with its aliases on each. */
export function networksOf({ networksAdvanced }: ContainerInputs): { name: string; aliases: string[] }[] {
  const given = Array.isArray(networksAdvanced) ? networksAdvanced : [];
  return given.map(({ name, aliases }) => ({
    name: String(name),
    aliases: Array.isArray(aliases) ? aliases.map(String) : [],
  }));
}

/** Converts a container's inputs for the Engine API: https://docs.docker.com/reference/api/engine/, ContainerCreate. */
export function createOptions(inputs: ContainerInputs): { name: string; [option: string]: unknown } {
  const { ports, volumes, mounts, hosts, labels, capabilities, healthcheck, logDriver, logOpts } = known(inputs);
  const [network] = networksOf(inputs);
  return {
    name: String(inputs.name),
    Image: String(inputs.image),
    ...(inputs.command && { Cmd: stringsOf(inputs.command) }),
    ...(inputs.entrypoints && { Entrypoint: stringsOf(inputs.entrypoints) }),
    ...(inputs.workingDir && { WorkingDir: String(inputs.workingDir) }),
    ...(inputs.user && { User: String(inputs.user) }),
    ...(inputs.stopSignal && { StopSignal: String(inputs.stopSignal) }),
    ...(inputs.stopTimeout !== undefined && { StopTimeout: Number(inputs.stopTimeout) }),
    Env: stringsOf(inputs.envs),
    Labels: Object.fromEntries((labels ?? []).map(({ label, value }) => [String(label), String(value)])),
    ExposedPorts: Object.fromEntries((ports ?? []).map((port) => [portKey(port), {}])),
    ...(healthcheck && {
      Healthcheck: {
        Test: stringsOf(healthcheck.tests),
        Interval: nanoseconds(String(healthcheck.interval ?? "0s")),
        Timeout: nanoseconds(String(healthcheck.timeout ?? "0s")),
        StartPeriod: nanoseconds(String(healthcheck.startPeriod ?? "0s")),
        Retries: Number(healthcheck.retries ?? 0),
      },
    }),
    HostConfig: {
      ...updateOptions(inputs),
      ...(inputs.cpus && { NanoCpus: Math.round(Number(inputs.cpus) * 1e9) }),
      PortBindings: Object.fromEntries(
        (ports ?? []).map((port) => [
          portKey(port),
          [{ HostIp: String(port.ip ?? ""), HostPort: port.external === undefined ? "" : String(port.external) }],
        ]),
      ),
      Binds: (volumes ?? []).map(({ containerPath, hostPath, volumeName, readOnly }) =>
        [hostPath ?? volumeName, containerPath, ...(readOnly ? ["ro"] : [])].join(":"),
      ),
      Mounts: (mounts ?? []).map(({ type, source, target, readOnly }) => ({
        Type: String(type),
        Source: source === undefined ? "" : String(source),
        Target: String(target),
        ReadOnly: readOnly === true,
      })),
      ExtraHosts: (hosts ?? []).map(({ host, ip }) => `${host}:${ip}`),
      CapAdd: stringsOf(capabilities?.adds),
      CapDrop: stringsOf(capabilities?.drops),
      ...(logDriver && { LogConfig: { Type: logDriver, Config: logOpts ?? {} } }),
      ...(network && { NetworkMode: network.name }),
    },
    ...(network &&
      network.aliases.length > 0 && {
        NetworkingConfig: { EndpointsConfig: { [network.name]: { Aliases: network.aliases } } },
      }),
  };
}

/** The options that can change while the container runs. */
export function updateOptions({ restart, maxRetryCount, memory, memorySwap }: ContainerInputs) {
  return {
    RestartPolicy: { Name: String(restart ?? "no"), MaximumRetryCount: Number(maxRetryCount ?? 0) },
    ...(memory !== undefined && { Memory: Number(memory) * 1024 ** 2 }),
    ...(memorySwap !== undefined && { MemorySwap: Number(memorySwap) * 1024 ** 2 }),
  };
}

/** Asserts that no input is unknown, which can only be in a preview. */
function known(inputs: ContainerInputs): { [K in keyof ContainerInputs]: Exclude<ContainerInputs[K], Unknown> } {
  for (const [key, value] of Object.entries(inputs)) {
    if (value instanceof Unknown) throw new Error(`${key} is unknown`);
  }
  return inputs as { [K in keyof ContainerInputs]: Exclude<ContainerInputs[K], Unknown> };
}

function stringsOf(list: ContainerInputs["envs"]): string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function portKey({ internal, protocol }: { internal: unknown; protocol?: unknown }): string {
  return `${internal}/${protocol ?? "tcp"}`;
}
