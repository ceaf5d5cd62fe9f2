import { dockerClient, explainDocker } from "./client.ts";

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
