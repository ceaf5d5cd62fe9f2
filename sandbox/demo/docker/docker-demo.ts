import type { ServiceName } from "../../legacy/services/definitions.ts";
import { Demo } from "../demo.ts";
import { type Addresses, Client } from "./client.ts";

/** The runtime of each service. */
export const runtimes: Record<ServiceName, "swarm" | "container" | "compose"> = {
  dashboard_api: "swarm",
  ingest_worker: "container",
  worker: "container",
  webhook_receiver: "compose",
  gateway: "compose",
  cron: "compose",
};

/** The state that the steps of the demo with containers share. */
export class DockerDemo extends Demo {
  /** One client for each service that has started. */
  readonly clients = new Map<ServiceName, Client>();
  readonly #addresses: Addresses;
  /** Writes the compose file and starts its services. */
  readonly startCompose: () => Promise<void>;

  constructor(
    parts: ConstructorParameters<typeof Demo>[0] & { addresses: Addresses; startCompose: () => Promise<void> },
  ) {
    super(parts);
    this.#addresses = parts.addresses;
    this.startCompose = parts.startCompose;
  }

  /** Whether the service has a running container. */
  isUp(name: ServiceName): boolean {
    return this.#addresses.of(name).length > 0;
  }

  startClient(name: ServiceName): void {
    this.clients.set(name, new Client(() => this.#addresses.of(name)));
  }

  client(name: ServiceName): Client {
    const client = this.clients.get(name);
    if (!client) throw new Error(`${name} has no client yet`);
    return client;
  }

  /** Failed requests so far of all services except this one. */
  failedElsewhere(name: ServiceName): number {
    const others = [...this.clients].filter(([other]) => other !== name);
    return others.reduce((sum, [, { failed }]) => sum + failed, 0);
  }

  get names(): ServiceName[] {
    return Object.keys(runtimes) as ServiceName[];
  }

  override async close(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.stop()));
    this.#addresses.stop();
    await super.close();
  }
}
