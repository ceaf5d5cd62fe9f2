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

/** An error response of the daemon, with its message. */
class DockerError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

type Query = Record<string, string | number | boolean | undefined>;

/** A path with escaped names and ids. */
function path(parts: TemplateStringsArray, ...names: string[]): string {
  return String.raw(parts, ...names.map(encodeURIComponent));
}

/**
 * The used part of the Docker Engine API (https://docs.docker.com/reference/api/engine/). Every method rejects with a DockerError
 * when the daemon refuses, and with the error of the connection otherwise.
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

  /** Sends a request and parses the JSON response; undefined when it is empty. */
  async ask<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    const answer = await this.read(method, path, query, body);
    return (answer.length > 0 ? JSON.parse(answer.toString()) : undefined) as T;
  }

  /** Sends a request and returns the response unchanged. */
  async read(method: string, path: string, query: Query = {}, body?: unknown): Promise<Buffer> {
    const parameters = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const request = this.#connection({ method, path: `${path}?${parameters}`, headers });
    return new Promise((resolve, reject) => {
      request.once("error", reject);
      request.once("response", (response) => {
        const { statusCode = 0 } = response;
        const isSuccess = statusCode >= 200 && statusCode < 300;
        if (isSuccess) return buffer(response).then(resolve, reject);
        return json(response)
          .catch(() => ({}))
          .then((body) => (body as { message?: string } | null)?.message || response.statusMessage || "no reason given")
          .then((message) => Promise.reject(new DockerError(statusCode, message)))
          .catch(reject);
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

  /** @param options `t`: seconds before it is killed; default: the timeout of the container */
  stop(options: { t?: number } = {}): Promise<void> {
    return this.#docker.ask("POST", path`/containers/${this.id}/stop`, options);
  }

  rename(options: { name: string }): Promise<void> {
    return this.#docker.ask("POST", path`/containers/${this.id}/rename`, options);
  }

  update(changes: object): Promise<void> {
    return this.#docker.ask("POST", path`/containers/${this.id}/update`, {}, changes);
  }

  /** @param options `v`: also remove its anonymous volumes */
  remove(options: { force?: boolean; v?: boolean } = {}): Promise<void> {
    return this.#docker.ask("DELETE", path`/containers/${this.id}`, options);
  }

  logs(options: LogOptions): Promise<Buffer> {
    return this.#docker.read("GET", path`/containers/${this.id}/logs`, { ...options });
  }
}
