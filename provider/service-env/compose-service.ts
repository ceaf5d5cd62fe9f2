import { readFile } from "node:fs/promises";
import { dockerClient, explainDocker } from "../docker/client.ts";
import type { Docker } from "../docker/engine.ts";
import type { ContainerInspection } from "../docker/engine-types.ts";
import { Secrets } from "../rpc/secrets.ts";
import { Secret } from "../rpc/values.ts";
import { ComposeCli, ComposeProject, type ServiceConfig } from "./compose-cli.ts";
import { allValues, EnvFileError } from "./env-file.ts";
import type { Watched } from "./target.ts";

export interface ComposeOptions {
  /** The stack's service, for messages. */
  service: string;
  urlKey: string;
  /** Compose files, in order. */
  files: string[];
  project?: string | undefined;
  /** The name of the service in the compose files. */
  composeService: string;
  envFile: string;
  /** As `docker:host`; default DOCKER_HOST. */
  dockerHost?: string | undefined;
}

export type Container = ContainerInspection;

/** The current configuration, containers and env file of a compose service. Collects secrets for masking. */
export class ComposeService {
  readonly options: ComposeOptions;
  readonly project: ComposeProject;
  private readonly secrets = new Secrets();
  private chosen: ComposeCli | undefined;

  constructor(options: ComposeOptions) {
    const { files, project, dockerHost, urlKey } = options;
    this.options = options;
    this.project = new ComposeProject(files, project, dockerHost, urlKey);
  }

  get docker(): Docker {
    return dockerClient(this.options.dockerHost);
  }

  /** If both versions are installed: the one that created the container, because the other would rename it. */
  async cli(call: Watched): Promise<ComposeCli> {
    this.chosen ??= await this.choose(call);
    return this.chosen;
  }

  /** All services of the project. */
  async configs(call: Watched): Promise<{ own: ServiceConfig; all: Record<string, ServiceConfig> }> {
    const { service, composeService } = this.options;
    const all = await (await this.cli(call)).config(call);
    const own = Object.hasOwn(all, composeService) ? all[composeService] : undefined;
    if (!own) {
      const names = Object.keys(all).toSorted().join(", ") || "none";
      throw new Error(
        `services.${service}.compose.service: the compose project in ${this.project.folder} has no service ${composeService}; it has ${names}`,
      );
    }
    this.learn(...Object.values(own.environment ?? {}).map(String));
    return { own, all };
  }

  /** Its containers, including stopped ones, without those of `compose run`. */
  async containers(call: Watched): Promise<Container[]> {
    const { composeService } = this.options;
    const labelled = await this.labelled();
    const projects = new Set(labelled.map(({ Config }) => Config.Labels[label.project]));
    // The folder can run as several projects: compose knows which one.
    if (projects.size === 1) return labelled;
    const ids = await (await this.cli(call)).containers(composeService, call);
    return this.inspect(ids);
  }

  async readEnvFile(): Promise<string> {
    const { envFile, service } = this.options;
    try {
      const text = await readFile(envFile, "latin1");
      this.learn(...allValues(text));
      return text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(`services.${service}.compose.envFile: ${envFile} cannot be read (${code})`);
    }
  }

  /** Adds the file's name to errors. */
  inEnvFile<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof EnvFileError) throw new Error(`${this.options.envFile}: ${error.message}`);
      throw error;
    }
  }

  learn(...values: string[]): void {
    this.secrets.learn(new Secret(values));
  }

  scrub(text: string): string {
    return this.secrets.scrub(text);
  }

  private async choose(call: Watched): Promise<ComposeCli> {
    const [first, ...others] = await ComposeCli.installed(this.project, call);
    const preferred = first as ComposeCli;
    if (others.length === 0) return preferred;
    const [container] = await this.labelled();
    const major = container?.Config.Labels[label.version]?.startsWith("1.") ? 1 : 2;
    return [preferred, ...others].find((cli) => cli.major === major) ?? preferred;
  }

  /** The containers of the service that belong to the project, by its name or folder. */
  private async labelled(): Promise<Container[]> {
    const { composeService } = this.options;
    const { name, folder } = this.project;
    const project = name === undefined ? `${label.folder}=${folder}` : `${label.project}=${name}`;
    const filters = { label: [`${label.service}=${composeService}`, project] };
    const found = await this.docker.listContainers({ all: true, filters }).catch((error: unknown) => {
      throw explainDocker(`listing the containers of ${composeService}`, error);
    });
    return this.inspect(found.map(({ Id }) => Id));
  }

  private async inspect(ids: string[]): Promise<Container[]> {
    const all = await Promise.all(ids.map((id) => this.docker.getContainer(id).inspect())).catch((error: unknown) => {
      throw explainDocker(`inspecting the containers of ${this.options.composeService}`, error);
    });
    return all.filter(({ Config }) => Config.Labels[label.isOneOff] !== "True");
  }
}

/** Container labels of both versions of compose. */
export const label = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  folder: "com.docker.compose.project.working_dir",
  version: "com.docker.compose.version",
  isOneOff: "com.docker.compose.oneoff",
  hash: "com.docker.compose.config-hash",
};

/** The value of an environment variable of a container. */
export function variable({ Config }: Container, key: string): string | undefined {
  return Config.Env?.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1);
}

export function nameOf({ Name }: Pick<Container, "Name">): string {
  return Name.replace(/^\//, "");
}
