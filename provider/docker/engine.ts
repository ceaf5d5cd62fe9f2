import { buffer, json } from "node:stream/consumers";
import type { DockerConnection } from "./connection.ts";
import type {
  ContainerInspection,
  ContainerSummary,
  ImageInspection,
  Info,
  LogOptions,
  Named,
  ServiceInspection,
} from "./engine-types.ts";

/** What the daemon refused; the message is its own. */
class DockerError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

type Query = Record<string, string | number | boolean | undefined>;

/** Names and ids become parts of a path. */
function path(parts: TemplateStringsArray, ...names: string[]): string {
  return String.raw(parts, ...names.map(encodeURIComponent));
}

/**
 * The Docker Engine API (https://docs.docker.com/reference/api/engine/), as much of it as is used. Every method rejects with
 * a DockerError when the daemon refuses, else with what the connection said.
 *
 * @example await new Docker(connectionTo("unix:///var/run/docker.sock")).getContainer("db").inspect()
 */
export class Docker {
  readonly #connection: DockerConnection;

  constructor(connection: DockerConnection) {
    this.#connection = connection;
  }

  info(): Promise<Info> {
    return this.ask("GET", "/info");
  }

  listContainers(options: { all?: boolean; filters?: Record<string, string[]> } = {}): Promise<ContainerSummary[]> {
    const filters = options.filters && JSON.stringify(options.filters);
    return this.ask("GET", "/containers/json", { ...options, filters });
  }

  listServices(): Promise<ServiceInspection[]> {
    return this.ask("GET", "/services");
  }

  listSecrets(): Promise<Named[]> {
    return this.ask("GET", "/secrets");
  }

  getContainer(id: string): Container {
    return new Container(this, id);
  }

  inspectService(id: string): Promise<ServiceInspection> {
    return this.ask("GET", path`/services/${id}`);
  }

  inspectImage(name: string): Promise<ImageInspection> {
    return this.ask("GET", path`/images/${name}/json`);
  }

  /** An answer in JSON; undefined when it is empty. */
  async ask<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    const answer = await this.read(method, path, query, body);
    return (answer.length > 0 ? JSON.parse(answer.toString()) : undefined) as T;
  }

  /** An answer as it is. */
  async read(method: string, path: string, query: Query = {}, body?: unknown): Promise<Buffer> {
    const given = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== undefined) given.set(key, String(value));
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const request = this.#connection({ method, path: `${path}?${given}`, headers });
    return new Promise((resolve, reject) => {
      request.once("error", reject);
      request.once("response", (response) => {
        const { statusCode = 0 } = response;
        const isFine = statusCode >= 200 && statusCode < 300;
        if (isFine) return buffer(response).then(resolve, reject);
        return json(response)
          .catch(() => ({}))
          .then((said) => (said as { message?: string }).message || response.statusMessage || "no reason given")
          .then((message) => reject(new DockerError(statusCode, message)));
      });
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** One container, by its id or name. */
export class Container {
  readonly id: string;
  readonly #docker: Docker;

  constructor(docker: Docker, id: string) {
    this.#docker = docker;
    this.id = id;
  }

  inspect(): Promise<ContainerInspection> {
    return this.#docker.ask("GET", path`/containers/${this.id}/json`);
  }

  start(): Promise<void> {
    return this.#docker.ask("POST", path`/containers/${this.id}/start`);
  }

  /** @param options `t`: seconds before it is killed; default: the container's own */
  stop(options: { t?: number } = {}): Promise<void> {
    return this.#docker.ask("POST", path`/containers/${this.id}/stop`, options);
  }

  rename(options: { name: string }): Promise<void> {
    return this.#docker.ask("POST", path`/containers/${this.id}/rename`, options);
  }

  update(changes: object): Promise<void> {
    return this.#docker.ask("POST", path`/containers/${this.id}/update`, {}, changes);
  }

  /** @param options `v`: its anonymous volumes too */
  remove(options: { force?: boolean; v?: boolean } = {}): Promise<void> {
    return this.#docker.ask("DELETE", path`/containers/${this.id}`, options);
  }

  logs(options: LogOptions): Promise<Buffer> {
    return this.#docker.read("GET", path`/containers/${this.id}/logs`, { ...options });
  }
}
