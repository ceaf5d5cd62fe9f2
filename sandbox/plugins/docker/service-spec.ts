import { nanoseconds, shortDuration } from "./go-duration.ts";
import type { ServiceInputs } from "./service-inputs.ts";

type Task = ServiceInputs["taskSpec"];
type Rollout = NonNullable<ServiceInputs["updateConfig"]>;

interface RolloutSpec {
  Parallelism: number;
  Delay?: number;
  FailureAction: string;
  Monitor?: number;
  Order: string;
}

/** The part of the Engine API's ServiceSpec that the sandbox uses: https://docs.docker.com/reference/api/engine/, ServiceCreate. */
export interface ServiceSpec {
  Name: string;
  Labels?: Record<string, string>;
  TaskTemplate: {
    ContainerSpec: {
      Image: string;
      Command?: string[];
      Args?: string[];
      Env?: string[];
      Dir?: string;
      User?: string;
      Labels?: Record<string, string>;
      Mounts?: { Type: string; Source?: string; Target: string; ReadOnly?: boolean }[];
      Hosts?: string[];
      CapabilityAdd?: string[];
      CapabilityDrop?: string[];
      Healthcheck?: { Test?: string[]; Interval?: number; Timeout?: number; StartPeriod?: number; Retries?: number };
      StopSignal?: string;
      StopGracePeriod?: number;
      Secrets?: {
        SecretID: string;
        SecretName?: string;
        File: { Name: string; UID: string; GID: string; Mode: number };
      }[];
    };
    Networks?: { Target: string; Aliases?: string[] }[];
    LogDriver?: { Name: string; Options?: Record<string, string> };
    RestartPolicy?: { Condition?: string; Delay?: number; MaxAttempts?: number; Window?: number };
    Resources?: { Limits?: { MemoryBytes?: number; NanoCPUs?: number } };
  };
  Mode: { Replicated: { Replicas: number } };
  UpdateConfig?: RolloutSpec;
  RollbackConfig?: RolloutSpec;
  EndpointSpec?: {
    Ports?: { TargetPort: number; PublishedPort?: number; Protocol: string; PublishMode: string }[];
  };
}

/** Converts inputs for the Engine API. */
export function toSpec(inputs: ServiceInputs): ServiceSpec {
  const { name, labels, taskSpec, mode, updateConfig, rollbackConfig, endpointSpec } = inputs;
  return {
    Name: name,
    Labels: record(labels),
    TaskTemplate: toTask(taskSpec),
    Mode: { Replicated: { Replicas: mode?.replicated.replicas ?? 1 } },
    ...(updateConfig && { UpdateConfig: toRollout(updateConfig) }),
    ...(rollbackConfig && { RollbackConfig: toRollout(rollbackConfig) }),
    EndpointSpec: {
      Ports: (endpointSpec?.ports ?? []).map(({ targetPort, publishedPort, protocol, publishMode }) => ({
        TargetPort: targetPort,
        ...(publishedPort !== undefined && { PublishedPort: publishedPort }),
        Protocol: protocol,
        PublishMode: publishMode,
      })),
    },
  };
}

function toTask({ containerSpec, networksAdvanceds, logDriver, restartPolicy, resources }: Task) {
  const { image, commands, args, env, dir, user, labels, mounts, hosts, healthcheck, secrets } = containerSpec;
  const { capAdds, capDrops, stopSignal, stopGracePeriod } = containerSpec;
  const { condition, delay, maxAttempts, window } = restartPolicy ?? {};
  const { memoryBytes, nanoCpus } = resources?.limits ?? {};
  return {
    ContainerSpec: {
      Image: image,
      Command: commands ?? [],
      Args: args ?? [],
      Env: Object.entries(env ?? {}).map(([key, value]) => `${key}=${value}`),
      Dir: dir ?? "",
      User: user ?? "",
      Labels: record(labels),
      Mounts: (mounts ?? []).map(({ type, source, target, readOnly }) => ({
        Type: type,
        Source: source ?? "",
        Target: target,
        ReadOnly: readOnly ?? false,
      })),
      Hosts: (hosts ?? []).map(({ host, ip }) => `${ip} ${host}`),
      CapabilityAdd: capAdds ?? [],
      CapabilityDrop: capDrops ?? [],
      Healthcheck: {
        Test: healthcheck?.tests ?? [],
        Interval: nanoseconds(healthcheck?.interval ?? "0s"),
        Timeout: nanoseconds(healthcheck?.timeout ?? "0s"),
        StartPeriod: nanoseconds(healthcheck?.startPeriod ?? "0s"),
        Retries: healthcheck?.retries ?? 0,
      },
      StopSignal: stopSignal ?? "",
      // The official plugin sends 0 if it is omitted, so Docker kills the container immediately.
      StopGracePeriod: nanoseconds(stopGracePeriod ?? "0s"),
      Secrets: (secrets ?? []).map(({ secretId, secretName, fileName, fileUid, fileGid, fileMode }) => ({
        SecretID: secretId,
        SecretName: secretName ?? "",
        File: { Name: fileName, UID: fileUid, GID: fileGid, Mode: fileMode },
      })),
    },
    Networks: (networksAdvanceds ?? []).map(({ id, aliases }) => ({ Target: id, Aliases: aliases ?? [] })),
    ...(logDriver && { LogDriver: { Name: logDriver.name, Options: logDriver.options ?? {} } }),
    ...(restartPolicy && {
      RestartPolicy: {
        ...(condition && { Condition: condition }),
        // The official plugin sends 0 here too, so Docker restarts the task immediately.
        Delay: nanoseconds(delay ?? "0s"),
        MaxAttempts: maxAttempts ?? 0,
        Window: nanoseconds(window ?? "0s"),
      },
    }),
    ...(resources && { Resources: { Limits: { MemoryBytes: memoryBytes ?? 0, NanoCPUs: nanoCpus ?? 0 } } }),
  };
}

function toRollout({ parallelism, delay, failureAction, monitor, order }: Rollout): RolloutSpec {
  return {
    Parallelism: parallelism,
    Delay: nanoseconds(delay),
    FailureAction: failureAction,
    Monitor: nanoseconds(monitor),
    Order: order,
  };
}

/** Converts a live service to inputs. Of undeclared properties, it contains those that the official plugin reads too. */
export function fromSpec(spec: ServiceSpec, declared: ServiceInputs): ServiceInputs {
  const { ContainerSpec: live, Networks, LogDriver, RestartPolicy, Resources } = spec.TaskTemplate;
  const { containerSpec, restartPolicy, resources } = declared.taskSpec;
  const ports = spec.EndpointSpec?.Ports ?? [];
  return {
    name: spec.Name,
    ...filled("labels", labelsOf(spec.Labels)),
    taskSpec: {
      containerSpec: {
        image: live.Image,
        ...filled("commands", live.Command),
        ...filled("args", live.Args),
        ...(live.Env?.length && { env: Object.fromEntries(live.Env.map(variable)) }),
        ...(live.Dir && { dir: live.Dir }),
        ...(live.User && { user: live.User }),
        ...filled("labels", labelsOf(live.Labels)),
        ...filled(
          "mounts",
          live.Mounts?.map(({ Type, Source, Target, ReadOnly }) => ({
            type: Type,
            target: Target,
            ...(Source && { source: Source }),
            ...(ReadOnly && { readOnly: true }),
          })),
        ),
        ...filled("hosts", live.Hosts?.map(host)),
        ...filled("capAdds", live.CapabilityAdd),
        ...filled("capDrops", live.CapabilityDrop),
        ...(containerSpec.healthcheck && {
          healthcheck: {
            ...filled("tests", live.Healthcheck?.Test),
            interval: shortDuration(live.Healthcheck?.Interval ?? 0),
            timeout: shortDuration(live.Healthcheck?.Timeout ?? 0),
            startPeriod: shortDuration(live.Healthcheck?.StartPeriod ?? 0),
            retries: live.Healthcheck?.Retries ?? 0,
          },
        }),
        ...(live.StopSignal && { stopSignal: live.StopSignal }),
        ...(containerSpec.stopGracePeriod && { stopGracePeriod: shortDuration(live.StopGracePeriod ?? 0) }),
        ...filled(
          "secrets",
          live.Secrets?.map(({ SecretID, SecretName, File }) => ({
            secretId: SecretID,
            ...(SecretName && { secretName: SecretName }),
            fileName: File.Name,
            fileUid: File.UID,
            fileGid: File.GID,
            fileMode: File.Mode,
          })),
        ),
      },
      ...filled(
        "networksAdvanceds",
        Networks?.map(({ Target, Aliases }) => ({ id: Target, ...filled("aliases", Aliases) })),
      ),
      ...(LogDriver && {
        logDriver: {
          name: LogDriver.Name,
          ...(Object.keys(LogDriver.Options ?? {}).length > 0 && { options: LogDriver.Options }),
        },
      }),
      ...(restartPolicy && {
        restartPolicy: {
          ...(RestartPolicy?.Condition && { condition: RestartPolicy.Condition as "none" | "on-failure" | "any" }),
          delay: shortDuration(RestartPolicy?.Delay ?? 0),
          window: shortDuration(RestartPolicy?.Window ?? 0),
          ...(RestartPolicy?.MaxAttempts && { maxAttempts: RestartPolicy.MaxAttempts }),
        },
      }),
      ...(resources && {
        resources: {
          limits: {
            ...(Resources?.Limits?.MemoryBytes && { memoryBytes: Resources.Limits.MemoryBytes }),
            ...(Resources?.Limits?.NanoCPUs && { nanoCpus: Resources.Limits.NanoCPUs }),
          },
        },
      }),
    },
    ...(declared.mode && { mode: { replicated: { replicas: spec.Mode.Replicated.Replicas } } }),
    ...(declared.updateConfig && spec.UpdateConfig && { updateConfig: fromRollout(spec.UpdateConfig) }),
    ...(declared.rollbackConfig && spec.RollbackConfig && { rollbackConfig: fromRollout(spec.RollbackConfig) }),
    ...((declared.endpointSpec || ports.length > 0) && { endpointSpec: { ports: ports.map(port) } }),
    ...(declared.convergeConfig && { convergeConfig: declared.convergeConfig }),
  };
}

function fromRollout({ Parallelism, Delay = 0, FailureAction, Monitor = 0, Order }: RolloutSpec): Rollout {
  return {
    parallelism: Parallelism,
    delay: shortDuration(Delay),
    failureAction: FailureAction as Rollout["failureAction"],
    monitor: shortDuration(Monitor),
    order: Order as Rollout["order"],
  };
}

type Port = NonNullable<NonNullable<ServiceInputs["endpointSpec"]>["ports"]>[number];
type PortSpec = NonNullable<NonNullable<ServiceSpec["EndpointSpec"]>["Ports"]>[number];

function port({ TargetPort, PublishedPort, Protocol, PublishMode }: PortSpec): Port {
  return {
    targetPort: TargetPort,
    ...(PublishedPort !== undefined && { publishedPort: PublishedPort }),
    protocol: Protocol as Port["protocol"],
    publishMode: PublishMode as Port["publishMode"],
  };
}

function variable(written: string): [string, string] {
  const end = written.indexOf("=");
  return [written.slice(0, end), written.slice(end + 1)];
}

/** Splits `address name`, as in /etc/hosts. */
function host(written: string): { host: string; ip: string } {
  const [ip = "", name = ""] = written.split(" ");
  return { host: name, ip };
}

function record(labels: ServiceInputs["labels"] = []): Record<string, string> {
  return Object.fromEntries(labels.map(({ label, value }) => [label, value]));
}

function labelsOf(labels: Record<string, string> = {}): { label: string; value: string }[] {
  return Object.entries(labels).map(([label, value]) => ({ label, value }));
}

/** Omits an empty list. */
function filled<K extends string, T>(key: K, list: T[] | undefined): { [P in K]?: T[] } {
  return (list?.length ? { [key]: list } : {}) as { [P in K]?: T[] };
}
