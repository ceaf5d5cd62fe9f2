import { z } from "zod";

/** What runs a service, and so how its DATABASE_URL reaches it. */
export const runtimes = ["external", "container", "swarm", "compose", "command"] as const;
export type Runtime = (typeof runtimes)[number];

/** A container of the stack's own, or the containers of a swarm service: what a compose service has, in its terms. */
export interface ContainerSpec {
  /** Default: the service's name. */
  name?: string | undefined;
  /** What happens to a container of that name that somebody else made; with the runtime `container`. Default `refuse`. */
  existing?: "refuse" | "replace" | undefined;
  /** With tag or digest. */
  image: string;
  command?: string[] | undefined;
  entrypoint?: string[] | undefined;
  workingDir?: string | undefined;
  /** Plain values; secret ones stand in serviceSecrets. */
  env: Record<string, string>;
  /** As compose's short syntax: `[[address:]host:]container[/protocol]`. */
  ports: string[];
  /** Network to what the container has there. */
  networks: Record<string, { aliases: string[] }>;
  /** As compose's short syntax: `source:/target[:ro]`; a source with a slash is a path, else a volume. */
  volumes: string[];
  mounts: Mount[];
  /** `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:<most retries>`. Default `unless-stopped`. */
  restart: string;
  healthcheck?: Healthcheck | undefined;
  labels: Record<string, string>;
  user?: string | undefined;
  /** Bytes. */
  memory?: number | undefined;
  cpus?: number | undefined;
  logging?: { driver: string; options: Record<string, string> } | undefined;
  stopSignal?: string | undefined;
  /** Milliseconds between the stop signal and the kill. */
  stopGracePeriod?: number | undefined;
  /** `name:address`. */
  extraHosts: string[];
  capAdd: string[];
  capDrop: string[];
}

export interface Mount {
  type: "bind" | "volume" | "tmpfs";
  /** Path or volume; none for tmpfs. */
  source?: string | undefined;
  target: string;
  readOnly: boolean;
}

export interface Healthcheck {
  /** `["CMD", ...]`, `["CMD-SHELL", line]` or `["NONE"]`. */
  test: string[];
  /** Milliseconds, as the other times here; undefined: Docker's default. */
  interval?: number | undefined;
  timeout?: number | undefined;
  startPeriod?: number | undefined;
  retries?: number | undefined;
}

/** A service of a compose project: one line of one env file is ours. */
export interface ComposeSpec {
  /** The project's compose files, in order; paths from the Pulumi project's folder. */
  files: string[];
  /** Default: what compose makes of the first file's folder. */
  project?: string | undefined;
  /** Default: the service's name. */
  service?: string | undefined;
  /** The file that holds the line of `urlKey`. */
  envFile: string;
}

/** An executable of the user's that reads, writes and deploys. */
export interface CommandSpec {
  /** From the Pulumi project's folder, or absolute. */
  path: string;
  /** Before the service and the action. */
  args: string[];
}

/** How a swarm's service is given its URL: in an environment variable, or in a Docker secret's file. */
export const urlFrom = ["env", "file"] as const;
export type UrlFrom = (typeof urlFrom)[number];

/** How long a cutover is watched, and for what. */
export const gate = z.strictObject({
  timeout: z
    .number()
    .positive()
    .describe("Milliseconds in which sessions of the role must appear and the container be healthy. Default 60s."),
  soak: z.number().min(0).describe("Milliseconds that all must stay healthy after that. Default 5min."),
  patterns: z
    .array(z.string())
    .describe("Regular expressions of log lines that fail the gate, on top of the built-in ones."),
  ignore: z.array(z.string()).describe("Regular expressions of log lines that are no failure in spite of a pattern."),
});
export type Gate = z.infer<typeof gate>;

export const defaultGate: Gate = { timeout: 60_000, soak: 300_000, patterns: [], ignore: [] };

/** Whether the stack itself restarts the service with its URL. */
export function isDeployed(runtime: Runtime): boolean {
  return runtime !== "external";
}
