import type { ServerAddress } from "../../provider/postgres/connection.ts";
import { addressOfEnvironment, addressOfUrl } from "../postgres/address.ts";
import { readStack } from "../pulumi/read-stack.ts";

/** The server to discover. */
export interface Target {
  address: ServerAddress;
  /** `docker:host` of the stack, if the stack names the server; default: DOCKER_HOST, else the local socket. */
  dockerHost: string | undefined;
}

/** The URL, else `--stack`, else libpq's environment variables, else the selected stack. Throws UsageError or the error of pulumi. */
export async function findTarget(url: string | undefined, stack: string | undefined): Promise<Target> {
  if (url !== undefined) return { address: addressOfUrl(url, process.env), dockerHost: undefined };
  const named = stack === undefined ? addressOfEnvironment(process.env) : undefined;
  if (named) return { address: named, dockerHost: undefined };
  const { server, adminPassword, dockerHost } = await readStack(stack);
  return { address: { ...server.admin, password: adminPassword ?? "" }, dockerHost };
}
