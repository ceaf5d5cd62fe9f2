import type { Docker } from "../../../provider/docker/engine.ts";

/** Milliseconds between two looks. */
const interval = 200;

/** Where the running containers of each service are, as they come and go. */
export class Addresses {
  readonly #docker: Docker;
  readonly #port: number;
  #byService = new Map<string, string[]>();
  readonly #timer: NodeJS.Timeout;

  private constructor(docker: Docker, port: number) {
    this.#docker = docker;
    this.#port = port;
    this.#timer = setInterval(() => this.#look().catch(() => undefined), interval);
  }

  /** Looks once before it resolves, and then until `stop`. */
  static async watch(docker: Docker, port: number): Promise<Addresses> {
    const addresses = new Addresses(docker, port);
    await addresses.#look();
    return addresses;
  }

  /** `host:port` of every running container of the service. */
  of(service: string): string[] {
    return this.#byService.get(service) ?? [];
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
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
