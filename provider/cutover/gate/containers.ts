import { explainDocker } from "../../docker/client.ts";
import type { Docker } from "../../docker/engine.ts";
import type { ContainerInspection } from "../../docker/engine-types.ts";
import { type LogLine, readLog } from "./log.ts";

/** A container of the service as Docker reports it now. */
export interface ServiceContainer {
  id: string;
  name: string;
  state: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
  exitCode: number;
  /** Killed because it ran out of memory. */
  isOutOfMemory: boolean;
  /** Restarts by Docker since it was created or started manually. */
  restarts: number;
  /** Seconds since its last start, by the clock of the Docker host. */
  age: number;
  startedAt: string;
  /** `starting`, `healthy`, `unhealthy`; undefined without a healthcheck. */
  health: string | undefined;
  /** Output of the last healthcheck. */
  healthOutput: string | undefined;
  /** IP addresses in its networks; empty with the host's network. */
  addresses: string[];
  /** A replica of a swarm service, which is removed when the service is updated. */
  isTask: boolean;
  hasTty: boolean;
  /** Values of its environment variables that look like secrets. */
  secrets: string[];
}

/** The Docker queries of the gate. */
export type Containers = Pick<ServiceContainers, "all" | "everyAddress" | "log">;

/** The containers of a service, by their labels. */
export class ServiceContainers {
  readonly #docker: Docker;
  readonly #labels: Record<string, string>;

  constructor(docker: Docker, labels: Record<string, string>) {
    this.#docker = docker;
    this.#labels = labels;
  }

  /** All containers with the labels, running or not, newest first. */
  async all(): Promise<ServiceContainer[]> {
    const label = Object.entries(this.#labels).map(([key, value]) => `${key}=${value}`);
    return this.#ask("listing the service's containers", async () => {
      const found = await this.#docker.listContainers({ all: true, filters: { label } });
      const inspected = await Promise.all(found.map(({ Id }) => this.#inspect(Id)));
      const { SystemTime } = await this.#docker.info();
      return inspected
        .filter((each) => each !== undefined)
        .toSorted((a, b) => b.Created.localeCompare(a.Created))
        .map((each) => toContainer(each, Date.parse(SystemTime)));
    });
  }

  /** The addresses of all containers on this Docker host. */
  async everyAddress(): Promise<Set<string>> {
    const all = await this.#ask("listing the containers' addresses", () => this.#docker.listContainers());
    return new Set(all.flatMap(({ NetworkSettings }) => addressesIn(NetworkSettings.Networks)));
  }

  /**
   * The log of a container from `since` (the time of a line or of the container's start); undefined if its logging driver
   * does not support reading.
   */
  async log({ id, name, hasTty }: ServiceContainer, since: string): Promise<LogLine[] | undefined> {
    return this.#ask(`reading the log of the container ${name}`, () =>
      readLog(this.#docker.getContainer(id), hasTty, since),
    );
  }

  /** Undefined if the container was removed since it was listed. */
  async #inspect(id: string): Promise<ContainerInspection | undefined> {
    try {
      return await this.#docker.getContainer(id).inspect();
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw error;
    }
  }

  async #ask<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explainDocker(doing, error);
    }
  }
}

function toContainer(info: ContainerInspection, now: number): ServiceContainer {
  const { State, Config, NetworkSettings } = info;
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ""),
    state: State.Status as ServiceContainer["state"],
    exitCode: State.ExitCode,
    isOutOfMemory: State.OOMKilled,
    restarts: info.RestartCount,
    age: (now - Date.parse(State.StartedAt)) / 1000,
    startedAt: State.StartedAt,
    health: State.Health?.Status === "none" ? undefined : State.Health?.Status,
    healthOutput: State.Health?.Log?.at(-1)?.Output.trim() || undefined,
    addresses: addressesIn(NetworkSettings.Networks),
    isTask: Config.Labels["com.docker.swarm.task.id"] !== undefined,
    hasTty: Config.Tty === true,
    secrets: Config.Env?.flatMap(secretIn) ?? [],
  };
}

function addressesIn(networks: Record<string, { IPAddress?: string; GlobalIPv6Address?: string }>): string[] {
  return Object.values(networks)
    .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
    .filter((address): address is string => Boolean(address));
}

/** Masking shorter values would hide ordinary words. */
const shortestSecret = 6;

function secretIn(variable: string): string[] {
  const [, key = "", value = ""] = /^([^=]*)=(.*)$/s.exec(variable) ?? [];
  return /pass|secret|token|key|url|dsn|credential/i.test(key) && value.length >= shortestSecret ? [value] : [];
}
