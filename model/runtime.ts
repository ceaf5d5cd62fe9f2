import { z } from "zod";

/** What runs a service and delivers its DATABASE_URL. */
export const runtimes = ["external", "container", "swarm", "compose", "command"] as const;
export type Runtime = (typeof runtimes)[number];

/** A container, or the containers of a swarm service, in compose's terms. */
export interface ContainerSpec {
  /** Default: the service's name. */
  name?: string | undefined;
  /** With the runtime `container`: what to do with an existing container of that name. Default `refuse`. */
  existing?: "refuse" | "replace" | undefined;
  /** With tag or digest. */
  image: string;
  command?: string[] | undefined;
  entrypoint?: string[] | undefined;
  workingDir?: string | undefined;
  /** Plain values; secret ones are in serviceSecrets. */
  env: Record<string, string>;
  /** As compose's short syntax: `[[address:]host:]container[/protocol]`. */
  ports: string[];
  /** Network to the container's aliases in it. */
  networks: Record<string, { aliases: string[] }>;
  /** As compose's short syntax: `source:/target[:ro]`; a source with a slash is a path, any other a volume. */
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
  /** In milliseconds, like the other times. Default: Docker's. */
  interval?: number | undefined;
  timeout?: number | undefined;
  startPeriod?: number | undefined;
  retries?: number | undefined;
}

/** A service of a compose project: the stack owns one line of one env file. */
export interface ComposeSpec {
  /** The project's compose files, in order; paths relative to the Pulumi project folder. */
  files: string[];
  /** Default: compose's, from the first file's folder. */
  project?: string | undefined;
  /** Default: the service's name. */
  service?: string | undefined;
  /** The file that holds the line of `urlKey`. */
  envFile: string;
}

/** The user's executable that reads, writes and deploys a service's URL. */
export interface CommandSpec {
  /** Absolute, or relative to the Pulumi project folder. */
  path: string;
  /** Before the service and the action. */
  args: string[];
}

/** How a swarm service gets its URL: in an environment variable, or in a Docker secret's file. */
export const urlFrom = ["env", "file"] as const;
export type UrlFrom = (typeof urlFrom)[number];

/** How long the gate watches a service, and for which log lines. */
export const gate = z.strictObject({
  timeout: z
    .number()
    .positive()
    .describe("Milliseconds for sessions of the role to appear and the container to become healthy. Default 60s."),
  soak: z.number().min(0).describe("Milliseconds for which the service must then stay healthy. Default 5min."),
  patterns: z
    .array(z.string())
    .describe("Regular expressions of log lines that fail the gate, in addition to the built-in ones."),
  ignore: z.array(z.string()).describe("Regular expressions of log lines that never fail the gate."),
});
export type Gate = z.infer<typeof gate>;

export const defaultGate: Gate = { timeout: 60_000, soak: 300_000, patterns: [], ignore: [] };

/** Whether the stack itself restarts the service with its URL. */
export function isDeployed(runtime: Runtime): boolean {
  return runtime !== "external";
}
