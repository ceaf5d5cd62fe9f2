import { homedir } from "node:os";
import { z } from "zod";
import { explainDocker } from "../../../provider/docker/client.ts";
import type { Provider, ProviderFunction } from "../../../provider/rpc/provider.ts";
import { reveal, Unknown } from "../../../provider/rpc/values.ts";
import { SandboxDocker } from "../../docker/api.ts";
import { checkInputs, readInputs } from "../inputs.ts";
import { packageSchema } from "../package-schema.ts";
import { containerResource } from "./container.ts";
import { secretResource } from "./secret.ts";
import { serviceResource } from "./service.ts";

const networkArguments = z.strictObject({ name: z.string() });

/** The official plugin's data source `docker_network`, limited to finding a network's id by its name. */
function getNetwork(docker: () => SandboxDocker): ProviderFunction {
  return async (args) => {
    const { name } = networkArguments.parse(args);
    try {
      const { Id, Driver, Scope } = await docker().ask<{ Id: string; Driver: string; Scope: string }>(
        "GET",
        `/networks/${encodeURIComponent(name)}`,
      );
      return { result: { id: Id, name, driver: Driver, scope: Scope } };
    } catch (error) {
      throw explainDocker(`looking for the network ${name}`, error);
    }
  };
}

/** The sockets of a Docker Desktop that was installed without administrator rights. */
const userSockets = [".docker/run/docker.sock", ".docker/desktop/docker.sock"];

/**
 * Finds the daemon as the official plugin does in Configure: `host` from the flat configuration, else DOCKER_HOST, else the
 * machine's socket or the user's. The daemon must respond, unless its address is ssh://.
 */
async function findDaemon(variables: Record<string, string>, env: NodeJS.ProcessEnv): Promise<SandboxDocker> {
  const given = variables.host ?? (env.DOCKER_HOST || undefined);
  const hosts =
    given === undefined ? [undefined, ...userSockets.map((path) => `unix://${homedir()}/${path}`)] : [given];
  for (const host of hosts) {
    const docker = new SandboxDocker(host);
    if (host?.startsWith("ssh://") || (await responds(docker))) return docker;
  }
  throw new Error(
    "docker native provider returned an unexpected error from Configure: failed to connect to any docker daemon",
  );
}

async function responds(docker: SandboxDocker): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  );
}

const config = z.strictObject({ host: z.string(), version: z.string() }).partial();

/**
 * The sandbox's stand-in for this version of the official plugin `docker`.
 *
 * @param env the variables with the default of the configuration, DOCKER_HOST
 */
export function dockerProvider(env: NodeJS.ProcessEnv): Provider {
  let client: SandboxDocker | undefined;
  const connected = (): SandboxDocker => {
    if (!client) throw new Error("the provider docker is not configured");
    return client;
  };
  const resources = {
    "docker:index/container:Container": containerResource(connected),
    "docker:index/secret:Secret": secretResource(connected),
    "docker:index/service:Service": serviceResource(connected),
  };
  const functions = { "docker:index/getNetwork:getNetwork": getNetwork(connected) };
  return {
    name: "docker",
    version: "5.2.0",
    schema: async () => packageSchema("docker", "5.2.0", resources, functions),
    async checkConfig(news) {
      const known = Object.entries(news).filter(([, value]) => !(reveal(value) instanceof Unknown));
      return { inputs: news, failures: checkInputs(config, Object.fromEntries(known)) };
    },
    async configure(given, variables) {
      readInputs(config, given);
      client = await findDaemon(variables, env);
    },
    resources,
    functions,
    close: async () => undefined,
  };
}
