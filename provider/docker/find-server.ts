import { connect } from "node:net";
import { dockerClient, explainDocker } from "./client.ts";
import type { Docker } from "./engine.ts";
import type { ContainerSummary } from "./engine-types.ts";

/** Milliseconds to wait for an address of a container. */
const dialTimeout = 3000;

/** A server whose admin can be declared by its container. */
interface Declared {
  admin: { host: string; port: number; container?: string | undefined };
}

/**
 * Replaces `admin.container` with an address of the container that this machine can connect to; without `admin.container` returns
 * the server unchanged. Throws when no container or several match, or when no address answers.
 *
 * @param dockerHost `docker:host`; default: DOCKER_HOST, else the local socket
 */
export async function findServer<S extends Declared>(server: S, dockerHost: string | undefined): Promise<S> {
  const { container, ...admin } = server.admin;
  if (container === undefined) return server;
  const here = "app-roles:server.admin.container";
  const found = await findContainer(dockerClient(dockerHost), container, here);
  const addresses = addressesOf(found);
  const refused: string[] = [];
  for (const { network, address } of addresses) {
    const problem = await dial(address, admin.port);
    if (problem === undefined) return { ...server, admin: { ...admin, container: undefined, host: address } };
    refused.push(`${address}:${admin.port} (network ${network}): ${problem}`);
  }
  throw new Error(
    `${here}: the container ${nameOf(found)} is running, but this machine cannot connect to it: ${refused.join("; ") || "it has no network with an address"}. ` +
      `Check app-roles:server.admin.port, or publish the port and set app-roles:server.admin.host instead`,
  );
}

async function findContainer(docker: Docker, name: string, here: string): Promise<ContainerSummary> {
  const all = await docker.listContainers({ all: true }).catch((error: unknown) => {
    throw explainDocker(`${here}: looking for the container ${name}`, error);
  });
  const exact = all.filter((each) => nameOf(each) === name);
  const matches = exact.length > 0 ? exact : all.filter((each) => nameOf(each).startsWith(name));
  const running = matches.filter(({ State }) => State === "running");
  const [only, ...others] = running;
  if (only && others.length === 0) return only;
  if (only)
    throw new Error(
      `${here}: several running containers have names that start with ${name}: ${names(running)}; use the full name`,
    );
  if (matches.length > 0) {
    const states = matches.map((each) => `${nameOf(each)} is ${each.State}`).join(", ");
    throw new Error(`${here}: no container ${name} is running: ${states}; start it`);
  }
  throw new Error(`${here}: there is no container ${name}; Docker has: ${names(all) || "none"}`);
}

interface Reachable {
  network: string;
  address: string;
}

function addressesOf({ NetworkSettings, HostConfig }: ContainerSummary): Reachable[] {
  if (HostConfig.NetworkMode === "host") return [{ network: "host", address: "127.0.0.1" }];
  return Object.entries(NetworkSettings.Networks).flatMap(([network, { IPAddress, GlobalIPv6Address }]) =>
    [IPAddress, GlobalIPv6Address].flatMap((address) => (address ? [{ network, address }] : [])),
  );
}

/** Undefined when the port accepts connections, else the problem. */
function dial(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: dialTimeout });
    const end = (problem: string | undefined) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end("no answer"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

function nameOf({ Names }: ContainerSummary): string {
  return (Names[0] ?? "").replace(/^\//, "");
}

function names(containers: ContainerSummary[]): string {
  return containers.map(nameOf).toSorted().join(", ");
}
