import { dockerClient, explainDocker } from "./client.ts";
import { serviceLabel } from "./labels.ts";

/**
 * An environment variable of the container of that name, running or not; undefined when there is no such container, or a stack
 * made it, or it has no such variable, or an empty one.
 */
export async function containerVariable(
  dockerHost: string | undefined,
  name: string,
  key: string,
): Promise<string | undefined> {
  try {
    const { Config } = await dockerClient(dockerHost).getContainer(name).inspect();
    if (Config.Labels?.[serviceLabel] !== undefined) return undefined;
    return Config.Env?.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1) || undefined;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw explainDocker(`looking for ${key} of the container ${name}`, error);
  }
}
