import { basename, dirname, resolve } from "node:path";
import { childEnvironment, type Ended, lastLines, runChild } from "./child.ts";
import type { Watched } from "./target.ts";

/** A service in the output of `config`, with files merged and variables expanded. */
export interface ServiceConfig {
  image?: string;
  environment?: Record<string, string | number | boolean | null>;
}

/** Timeouts in milliseconds; an `up` waits for the stop grace period of the containers it replaces. */
const timeouts = { query: 60_000, up: 900_000 };

/** `docker compose`, or the older docker-compose, on one project. */
export class ComposeCli {
  /** 1 or 2. */
  readonly major: number;
  private readonly command: string[];
  private readonly project: ComposeProject;

  private constructor(command: string[], major: number, project: ComposeProject) {
    this.command = command;
    this.major = major;
    this.project = project;
  }

  /** All installed versions, `docker compose` first. Throws if there is none. */
  static async installed(project: ComposeProject, call: Watched): Promise<ComposeCli[]> {
    const found: ComposeCli[] = [];
    for (const command of [["docker", "compose"], ["docker-compose"]]) {
      const version = await versionOf(command, project, call);
      if (version) found.push(new ComposeCli(command, version, project));
    }
    if (found.length === 0) {
      throw new Error(
        "neither `docker compose` nor docker-compose is on the PATH; install one of them on the machine that runs pulumi",
      );
    }
    return found;
  }

  /** The project's services. The output holds secrets and must not be shown. */
  async config(call: Watched, more: { file?: string; envFile?: string } = {}): Promise<Record<string, ServiceConfig>> {
    const options = more.envFile === undefined ? [] : ["--env-file", more.envFile];
    const { stdout } = await this.query(["config"], call, options, more.file === undefined ? [] : [more.file]);
    const { parse } = await import("yaml");
    const { services = {} } = parse(stdout) as { services?: Record<string, ServiceConfig> };
    return Object.fromEntries(Object.entries(services).map(([name, each]) => [name, unescaped(each)]));
  }

  /** Ids of the service's containers, including stopped ones. */
  async containers(service: string, call: Watched): Promise<string[]> {
    const { stdout } = await this.query(["ps", "-a", "-q", service], call);
    return stdout.split(/\s+/).filter((id) => id !== "");
  }

  /** Digest of the service's configuration; comparable with the containers' label only in version 1. */
  async hash(service: string, call: Watched): Promise<string | undefined> {
    return (await this.query(["config", "--hash", service], call)).stdout.trim().split(/\s+/)[1];
  }

  /** Starts `replicas` of the service as the files define it, replacing containers that differ. */
  async up(service: string, replicas: number, call: Watched): Promise<void> {
    const { report } = call;
    const onWait = (seconds: number) => report.progress(`${this.command.join(" ")} up ${service}: ${seconds} s`);
    const args = [...this.upOptions, "--scale", `${service}=${replicas}`, service];
    await this.run(args, timeouts.up, call, { onWait });
  }

  /** `up` with its options, without the scale and the service. */
  get upOptions(): string[] {
    // docker-compose 1 has no --pull; it pulls only missing images, which are refused before.
    const pull = this.major === 1 ? [] : ["--pull", "never"];
    return ["up", "-d", "--no-deps", "--no-build", ...pull];
  }

  /** The command line up to the subcommand, to run in the project's folder. @param name the project's */
  commandFor(name: string): string[] {
    return [
      ...this.command,
      "--project-name",
      name,
      ...this.project.files.flatMap((file) => ["--file", resolve(file)]),
    ];
  }

  private query(args: string[], call: Watched, options: string[] = [], files: string[] = []): Promise<Ended> {
    return this.run(args, timeouts.query, call, { options, files });
  }

  private async run(
    args: string[],
    timeout: number,
    { signal }: Watched,
    more: { options?: string[]; files?: string[]; onWait?: (seconds: number) => void },
  ): Promise<Ended> {
    const [executable = "", ...first] = this.command;
    const { files, name, folder, dockerHost, urlKey } = this.project;
    const named = name === undefined ? [] : ["--project-name", name];
    const given = [...files, ...(more.files ?? [])].flatMap((file) => ["--file", resolve(file)]);
    const env = environment(dockerHost, urlKey);
    const all = [...first, ...(more.options ?? []), ...named, ...given, ...args];
    const ended = await runChild(executable, all, { cwd: folder, env, timeout, signal, onWait: more.onWait });
    if (ended.code === 0 && !ended.isLate) return ended;
    const doing = `${this.command.join(" ")} ${args.slice(0, 1).join(" ")} in ${folder}`;
    const how = ended.isLate
      ? `was killed after ${timeout / 1000} s`
      : `failed (exit code ${ended.code ?? "of a signal"})`;
    throw new Error(`${doing} ${how}:\n  ${lastLines(ended.stderr)}`);
  }
}

/** A declared compose project. */
export class ComposeProject {
  readonly files: string[];
  /** As declared; default: compose's own. */
  readonly name: string | undefined;
  /** The folder of the first file, for relative paths and .env. */
  readonly folder: string;
  readonly dockerHost: string | undefined;
  readonly urlKey: string;

  constructor(files: string[], name: string | undefined, dockerHost: string | undefined, urlKey: string) {
    this.files = files;
    this.name = name;
    this.folder = dirname(resolve(files[0] ?? "."));
    this.dockerHost = dockerHost;
    this.urlKey = urlKey;
  }

  /** Compose's default project name: the folder's name without unsupported characters. */
  get defaultName(): string {
    return (
      this.name ??
      process.env.COMPOSE_PROJECT_NAME ??
      basename(this.folder)
        .toLowerCase()
        .replace(/[^-_a-z0-9]/g, "")
    );
  }
}

/** Without the URL's variable, which would override the project's .env. */
function environment(dockerHost: string | undefined, urlKey: string): NodeJS.ProcessEnv {
  const env = childEnvironment(urlKey);
  return dockerHost === undefined ? env : { ...env, DOCKER_HOST: dockerHost };
}

async function versionOf(command: string[], project: ComposeProject, call: Watched): Promise<number | undefined> {
  const [executable = "", ...first] = command;
  const env = environment(project.dockerHost, project.urlKey);
  const options = { env, timeout: timeouts.query, signal: call.signal };
  const ended = await runChild(executable, [...first, "version", "--short"], options).catch(() => undefined);
  const major = /^v?(\d+)\./.exec(ended?.code === 0 ? ended.stdout.trim() : "")?.[1];
  return major === undefined ? undefined : major === "1" ? 1 : 2;
}

/** `config` prints valid compose files, with `$` doubled. */
function unescaped(service: ServiceConfig): ServiceConfig {
  const environment = Object.entries(service.environment ?? {}).map(([key, value]) => [
    key,
    typeof value === "string" ? value.replaceAll("$$", "$") : value,
  ]);
  return { ...service, environment: Object.fromEntries(environment) };
}
