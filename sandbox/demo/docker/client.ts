import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "../../../provider/docker/engine.ts";

/** Milliseconds between two requests. */
const requestInterval = 100;
/** Milliseconds between two reads of the containers' addresses. */
const refreshInterval = 200;
/** Milliseconds until a request without a response counts as failed. */
const requestTimeout = 10_000;

/** A client that sends requests to one service continuously. Like a proxy, it tries the next container if one accepts no connection. */
export class Client {
  served = 0;
  /** Requests with an error, without a response, or accepted by no container. */
  failed = 0;
  /** The longest time between two served requests, in milliseconds. */
  longestGap = 0;
  #lastServed: number | undefined;
  #isStopping = false;
  readonly #running: Promise<void>;

  /** @param addresses `host:port` of the service's containers at that moment */
  constructor(addresses: () => string[]) {
    this.#running = this.#run(addresses);
  }

  /** Stops the client after the current request. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(addresses: () => string[]): Promise<void> {
    while (!this.#isStopping) {
      if (await isServed(addresses())) this.#count();
      else this.failed++;
      await sleep(requestInterval);
    }
  }

  #count(): void {
    const now = Date.now();
    if (this.#lastServed !== undefined) this.longestGap = Math.max(this.longestGap, now - this.#lastServed);
    this.#lastServed = now;
    this.served++;
  }
}

async function isServed(addresses: string[]): Promise<boolean> {
  for (const address of addresses) {
    const status = await request(address);
    if (status !== undefined) return status === 200;
  }
  return false;
}

/** The HTTP status; 0 if the response is incomplete; undefined if the container accepts no connection. */
function request(address: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sent = get(`http://${address}/`, { agent: false, timeout: requestTimeout }, (response) => {
      response
        .resume()
        .once("end", () => resolve(response.statusCode))
        .once("error", () => resolve(0));
    });
    sent.once("timeout", () => sent.destroy(new Error("no response")));
    sent.once("error", (error: NodeJS.ErrnoException) => {
      resolve(notAccepted.has(error.code ?? "") ? undefined : 0);
    });
  });
}

const notAccepted = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);

/** The current addresses of each service's running containers. */
export class Addresses {
  readonly #docker: Docker;
  readonly #port: number;
  #byService = new Map<string, string[]>();
  readonly #timer: NodeJS.Timeout;

  private constructor(docker: Docker, port: number) {
    this.#docker = docker;
    this.#port = port;
    this.#timer = setInterval(() => this.#refresh().catch(() => undefined), refreshInterval);
  }

  /** Reads the addresses, then refreshes them until `stop`. */
  static async watch(docker: Docker, port: number): Promise<Addresses> {
    const addresses = new Addresses(docker, port);
    await addresses.#refresh();
    return addresses;
  }

  /** `host:port` of every running container of the service. */
  of(service: string): string[] {
    return this.#byService.get(service) ?? [];
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #refresh(): Promise<void> {
    const found = new Map<string, string[]>();
    for (const { Labels, NetworkSettings } of await this.#docker.listContainers()) {
      const service = Labels["app-roles.service"] ?? Labels["com.docker.compose.service"];
      const hosts = Object.values(NetworkSettings.Networks).flatMap(({ IPAddress }) => (IPAddress ? [IPAddress] : []));
      if (service === undefined) continue;
      found.set(service, [...(found.get(service) ?? []), ...hosts.map((host) => `${host}:${this.#port}`)]);
    }
    this.#byService = found;
  }
}
