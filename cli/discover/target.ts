import { existsSync } from "node:fs";
import {
  type NamedServer,
  noServer,
  serverOfEnvironment,
  serverOfStack,
  serverOfUrl,
} from "../postgres/named-server.ts";
import { readStack } from "../pulumi/read-stack.ts";

/** The server to discover. */
export interface Target extends NamedServer {
  /** `docker:host` of the stack, if the stack names the server; default: DOCKER_HOST, else the local socket. */
  dockerHost: string | undefined;
}

/**
 * The URL, else `--stack`, else libpq's environment variables, else the selected stack, which a project that begins with a
 * discovery does not have yet. Throws UsageError or the error of pulumi.
 */
export async function findTarget(url: string | undefined, stack: string | undefined): Promise<Target> {
  if (url !== undefined) return { ...serverOfUrl(url), dockerHost: undefined };
  const named = stack === undefined ? serverOfEnvironment() : undefined;
  if (named) return { ...named, dockerHost: undefined };
  if (stack === undefined && !existsSync("Pulumi.yaml")) throw noServer();
  const configured = await readStack(stack);
  return { ...serverOfStack(configured), dockerHost: configured.dockerHost };
}
