import { serviceLabel } from "../../model/container-labels.ts";
import { asideNames } from "./aside.ts";
import { dockerClient, explainDocker } from "./client.ts";

/**
 * An environment variable of the container of that name that no stack made, running or not, also where it was put aside by
 * then; undefined when there is no such container, or it has no such variable, or an empty one.
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

/** Undefined when there is no such container, or a stack made it. */
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
