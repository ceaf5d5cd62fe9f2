import { dockerConnection } from "../../provider/docker/client.ts";
import { type Container, Docker } from "../../provider/docker/engine.ts";
import type { ServiceSpec } from "../plugins/docker/service-spec.ts";

/** A swarm service as the Engine API returns it. */
export interface LiveService {
  ID: string;
  Version: { Index: number };
  Spec: ServiceSpec;
  UpdateStatus?: { State: string; Message: string };
}

/** A swarm service, by its id or name. */
export interface SwarmService {
  inspect(): Promise<LiveService>;
  /** @param version the index of the version that was read */
  update(spec: { version: number; [part: string]: unknown }): Promise<void>;
  remove(): Promise<void>;
}

/** The Engine API, with the calls that only the sandbox and the tests use. */
export class SandboxDocker extends Docker {
  /** @param host in the form of DOCKER_HOST, which is the default */
  constructor(host?: string) {
    super(dockerConnection(host));
  }

  ping(): Promise<Buffer> {
    return this.read("GET", "/_ping");
  }

  async createContainer({ name, ...options }: { name: string; [option: string]: unknown }): Promise<Container> {
    const { Id } = await this.ask<{ Id: string }>("POST", "/containers/create", { name }, options);
    return this.getContainer(Id);
  }

  createNetwork(options: { Name: string; [option: string]: unknown }): Promise<void> {
    return this.ask("POST", "/networks/create", {}, options);
  }

  async createService(spec: object): Promise<string> {
    return (await this.ask<{ ID: string }>("POST", "/services/create", {}, spec)).ID;
  }

  getService(id: string): SwarmService {
    const path = `/services/${encodeURIComponent(id)}`;
    return {
      inspect: () => this.ask("GET", path),
      update: ({ version, ...spec }) => this.ask("POST", `${path}/update`, { version }, spec),
      remove: () => this.ask("DELETE", path),
    };
  }

  async createSecret(spec: { Name: string; Data: string; Labels?: Record<string, string> }): Promise<string> {
    return (await this.ask<{ ID: string }>("POST", "/secrets/create", {}, spec)).ID;
  }
}
