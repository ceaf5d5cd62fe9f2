import { Unknown } from "../../../provider/rpc/values.ts";
import { type ContainerInputs, networksOf } from "./container-inputs.ts";
import { nanoseconds } from "./go-duration.ts";

/** The Engine API's form of a container's inputs: https://docs.docker.com/reference/api/engine/, ContainerCreate. */
export function createOptions(inputs: ContainerInputs): { name: string; [option: string]: unknown } {
  const { ports, volumes, mounts, hosts, labels, capabilities, healthcheck, logDriver, logOpts } = known(inputs);
  const [network] = networksOf(inputs);
  return {
    name: String(inputs.name),
    Image: String(inputs.image),
    ...(inputs.command && { Cmd: texts(inputs.command) }),
    ...(inputs.entrypoints && { Entrypoint: texts(inputs.entrypoints) }),
    ...(inputs.workingDir && { WorkingDir: String(inputs.workingDir) }),
    ...(inputs.user && { User: String(inputs.user) }),
    ...(inputs.stopSignal && { StopSignal: String(inputs.stopSignal) }),
    ...(inputs.stopTimeout !== undefined && { StopTimeout: Number(inputs.stopTimeout) }),
    Env: texts(inputs.envs),
    Labels: Object.fromEntries((labels ?? []).map(({ label, value }) => [String(label), String(value)])),
    ExposedPorts: Object.fromEntries((ports ?? []).map((port) => [portKey(port), {}])),
    ...(healthcheck && {
      Healthcheck: {
        Test: texts(healthcheck.tests),
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
      CapAdd: texts(capabilities?.adds),
      CapDrop: texts(capabilities?.drops),
      ...(logDriver && { LogConfig: { Type: logDriver, Config: logOpts ?? {} } }),
      ...(network && { NetworkMode: network.name }),
    },
    ...(network &&
      network.aliases.length > 0 && {
        NetworkingConfig: { EndpointsConfig: { [network.name]: { Aliases: network.aliases } } },
      }),
  };
}

/** What can change while the container runs. */
export function updateOptions({ restart, maxRetryCount, memory, memorySwap }: ContainerInputs) {
  return {
    RestartPolicy: { Name: String(restart ?? "no"), MaximumRetryCount: Number(maxRetryCount ?? 0) },
    ...(memory !== undefined && { Memory: Number(memory) * 1024 ** 2 }),
    ...(memorySwap !== undefined && { MemorySwap: Number(memorySwap) * 1024 ** 2 }),
  };
}

/** Not in a preview, so nothing is unknown. */
function known(inputs: ContainerInputs): { [K in keyof ContainerInputs]: Exclude<ContainerInputs[K], Unknown> } {
  for (const [key, value] of Object.entries(inputs)) {
    if (value instanceof Unknown) throw new Error(`${key} is not known yet`);
  }
  return inputs as { [K in keyof ContainerInputs]: Exclude<ContainerInputs[K], Unknown> };
}

function texts(list: ContainerInputs["envs"]): string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function portKey({ internal, protocol }: { internal: unknown; protocol?: unknown }): string {
  return `${internal}/${protocol ?? "tcp"}`;
}
