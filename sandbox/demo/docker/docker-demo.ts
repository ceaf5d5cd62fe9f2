import type { ServiceName } from "../../legacy/services/definitions.ts";
import { Demo } from "../demo.ts";
import type { Addresses } from "./addresses.ts";
import { Client } from "./client.ts";
import { runtimes } from "./runtimes.ts";

/** What the steps of the demo with containers share. */
export class DockerDemo extends Demo {
  /** A client of every service, from the moment it runs. */
  readonly clients = new Map<ServiceName, Client>();
  readonly #addresses: Addresses;
  /** Makes and starts what compose runs. */
  readonly startCompose: () => Promise<void>;

  constructor(
    parts: ConstructorParameters<typeof Demo>[0] & { addresses: Addresses; startCompose: () => Promise<void> },
  ) {
    super(parts);
    this.#addresses = parts.addresses;
    this.startCompose = parts.startCompose;
  }

  /** Containers of the service take requests. */
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

  /** Failed requests of every service but one, so far. */
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
