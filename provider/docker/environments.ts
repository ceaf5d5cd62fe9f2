import { dockerClient, explainDocker } from "./client.ts";
import type { ContainerInspection, ServiceInspection } from "./engine-types.ts";
import { inspectListed } from "./lookups.ts";

/** The environment and command line of a container or swarm service. */
export interface Environment {
  kind: "container" | "swarm";
  name: string;
  /** State of a container: running, exited and so on; undefined for a swarm service. */
  state: string | undefined;
  /** Its variables (`NAME=value`); for a swarm service also those of its containers on this host. */
  env: string[];
  /** Arguments of its command line. */
  command: string[];
}

export interface Environments {
  all: Environment[];
  /** Names of the swarm's secrets; Docker does not return their values. */
  secrets: string[];
}

/**
 * Reads every container of the Docker host, running or not, and every service of a swarm that the host manages. Calls `onProgress`
 * for each container. Throws the error of Docker.
 */
export async function readEnvironments(
  dockerHost: string | undefined,
  onProgress: (done: number, of: number) => void,
): Promise<Environments> {
  try {
    const docker = dockerClient(dockerHost);
    const containers = await docker.listContainers({ all: true });
    const { Swarm } = await docker.info();
    const services = Swarm?.ControlAvailable ? await docker.listServices() : [];
    const secrets = Swarm?.ControlAvailable ? await docker.listSecrets() : [];
    const all = new Map<string, Environment>(services.map(ofService).map((each) => [each.name, each]));
    const single: Environment[] = [];
    for (const [done, { Id }] of containers.entries()) {
      onProgress(done, containers.length);
      const info = await inspectListed(docker, Id);
      if (!info) continue;
      const found = ofContainer(info);
      const service = all.get(info.Config.Labels?.["com.docker.swarm.service.name"] ?? "");
      if (service) service.env.push(...found.env.filter((variable) => !service.env.includes(variable)));
      else single.push(found);
    }
    return {
      all: [...single, ...all.values()].toSorted((a, b) => a.name.localeCompare(b.name)),
      secrets: secrets.map(({ Spec }) => Spec?.Name ?? "unnamed").toSorted(),
    };
  } catch (error) {
    throw explainDocker("reading the environments of the containers", error);
  }
}

function ofContainer({ Name, State, Config }: ContainerInspection): Environment {
  const entrypoint = [Config.Entrypoint ?? []].flat();
  return {
    kind: "container",
    name: Name.replace(/^\//, ""),
    state: State.Status,
    env: [...(Config.Env ?? [])],
    command: [...entrypoint, ...(Config.Cmd ?? [])],
  };
}

function ofService({ Spec }: ServiceInspection): Environment {
  const container = Spec.TaskTemplate?.ContainerSpec;
  return {
    kind: "swarm",
    name: Spec.Name,
    state: undefined,
    env: [...(container?.Env ?? [])],
    command: [...(container?.Command ?? []), ...(container?.Args ?? [])],
  };
}
