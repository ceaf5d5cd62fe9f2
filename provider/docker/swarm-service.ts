import { dockerClient, explainDocker } from "./client.ts";

/** A label of the swarm's service of that name; undefined when there is no such service, or it has no such label. */
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
    // 503: it is in no swarm any more.
    if (statusCode === 404 || statusCode === 503) return undefined;
    throw explainDocker(`looking at the swarm's service ${name}`, error);
  }
}
