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
  /** What compose calls the service. */
  composeService: string;
  envFile: string;
  /** As `docker:host`; default DOCKER_HOST. */
  dockerHost?: string | undefined;
}

export type Container = ContainerInspection;

/** A service of a compose project as it is now: its configuration, its containers, its env file. Remembers what is secret. */
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

  /** Where both versions are installed: the one that made the container, whose name the other would change. */
  async cli(call: Watched): Promise<ComposeCli> {
    this.chosen ??= await this.choose(call);
    return this.chosen;
  }

  /** Every service of the project; this one is among them. */
  async configs(call: Watched): Promise<{ own: ServiceConfig; all: Record<string, ServiceConfig> }> {
    const { service, composeService } = this.options;
    const all = await (await this.cli(call)).config(call);
    const own = Object.hasOwn(all, composeService) ? all[composeService] : undefined;
    if (!own) {
      const there = Object.keys(all).toSorted().join(", ") || "none";
      throw new Error(
        `services.${service}.compose.service: the compose project in ${this.project.folder} has no service ${composeService}; it has ${there}`,
      );
    }
    this.learn(...Object.values(own.environment ?? {}).map(String));
    return { own, all };
  }

  /** Its containers, stopped ones too, without those of `compose run`. */
  async containers(call: Watched): Promise<Container[]> {
    const { composeService } = this.options;
    const labelled = await this.labelled();
    const projects = new Set(labelled.map(({ Config }) => Config.Labels[label.project]));
    // The folder may run as several projects: which of them is meant, compose knows.
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

  /** What is wrong with a line is said with the file's name. */
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
    const maker = container?.Config.Labels[label.version]?.startsWith("1.") ? 1 : 2;
    return [preferred, ...others].find(({ major }) => major === maker) ?? preferred;
  }

  /** The containers of the service that were started from the project's folder, or under its name. */
  private async labelled(): Promise<Container[]> {
    const { composeService } = this.options;
    const { name, folder } = this.project;
    const project = name === undefined ? `${label.folder}=${folder}` : `${label.project}=${name}`;
    const filters = { label: [`${label.service}=${composeService}`, project] };
    const found = await this.docker.listContainers({ all: true, filters }).catch((error: unknown) => {
      throw explainDocker(`looking for the containers of ${composeService}`, error);
    });
    return this.inspect(found.map(({ Id }) => Id));
  }

  private async inspect(ids: string[]): Promise<Container[]> {
    const all = await Promise.all(ids.map((id) => this.docker.getContainer(id).inspect())).catch((error: unknown) => {
      throw explainDocker(`looking at the containers of ${this.options.composeService}`, error);
    });
    return all.filter(({ Config }) => Config.Labels[label.isOneOff] !== "True");
  }
}

/** What both versions of compose label a container with. */
export const label = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  folder: "com.docker.compose.project.working_dir",
  version: "com.docker.compose.version",
  isOneOff: "com.docker.compose.oneoff",
  hash: "com.docker.compose.config-hash",
};

/** The value of an environment variable that a container was started with. */
export function variable({ Config }: Container, key: string): string | undefined {
  return Config.Env?.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1);
}

export function nameOf({ Name }: Pick<Container, "Name">): string {
  return Name.replace(/^\//, "");
}
