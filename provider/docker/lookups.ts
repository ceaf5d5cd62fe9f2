import { serviceLabel } from "../../model/container-labels.ts";
import { dockerClient, explainDocker } from "./client.ts";
import type { Docker } from "./engine.ts";
import type { ContainerInspection } from "./engine-types.ts";

/**
 * Names of a container that is set aside. `always` is for one with the restart policy `always`: only its name can record the policy
 * until it is restored.
 */
export function asideNames(name: string): { plain: string; always: string } {
  return { plain: `${name}-before-app-roles`, always: `${name}-before-app-roles-always` };
}

/**
 * An environment variable of the container of that name, running or not, also when it is set aside. Undefined when there is no such
 * container, a stack created it, or the variable is missing or empty.
 */
export async function containerVariable(
  dockerHost: string | undefined,
  name: string,
  key: string,
): Promise<string | undefined> {
  const { plain, always } = asideNames(name);
  for (const each of [name, plain, always]) {
    const environment = await foreignEnvironment(dockerHost, each, key);
    if (environment) return environment.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1) || undefined;
  }
  return undefined;
}

/** Undefined when there is no such container, or a stack created it. */
async function foreignEnvironment(
  dockerHost: string | undefined,
  name: string,
  key: string,
): Promise<string[] | undefined> {
  try {
    const { Config } = await dockerClient(dockerHost).getContainer(name).inspect();
    return Config.Labels?.[serviceLabel] === undefined ? (Config.Env ?? []) : undefined;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw explainDocker(`looking for ${key} of the container ${name}`, error);
  }
}

/** Undefined when the container was removed after it was listed. */
export async function inspectListed(docker: Docker, id: string): Promise<ContainerInspection | undefined> {
  try {
    return await docker.getContainer(id).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/** A label of the swarm service of that name; undefined when the service or the label does not exist. */
export async function swarmServiceLabel(
  dockerHost: string | undefined,
  name: string,
  label: string,
): Promise<string | undefined> {
  try {
    const { Spec } = await dockerClient(dockerHost).inspectService(name);
    return Spec.Labels?.[label];
  } catch (error) {
    const { statusCode } = error as { statusCode?: number };
    // 503: the host is not in a swarm.
    if (statusCode === 404 || statusCode === 503) return undefined;
    throw explainDocker(`inspecting the swarm service ${name}`, error);
  }
}
