// The used part of the Engine API's responses: https://docs.docker.com/reference/api/engine/.

export interface Network {
  IPAddress?: string;
  GlobalIPv6Address?: string;
  Gateway?: string;
}

export interface Healthcheck {
  Test?: string[];
  /** Nanoseconds, like all durations of the API. */
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  Retries?: number;
}

export interface ContainerSummary {
  Id: string;
  Names: string[];
  Labels: Record<string, string>;
  State: string;
  HostConfig: { NetworkMode?: string };
  NetworkSettings: { Networks: Record<string, Network> };
}

export interface ContainerInspection {
  Id: string;
  Name: string;
  Created: string;
  Image: string;
  RestartCount: number;
  State: {
    Status: string;
    Running: boolean;
    Restarting: boolean;
    OOMKilled: boolean;
    ExitCode: number;
    StartedAt: string;
    Health?: { Status: string; Log?: { Output: string }[] };
  };
  Config: {
    Image: string;
    Tty: boolean;
    Labels: Record<string, string>;
    /** Null without variables. */
    Env: string[] | null;
    Cmd: string[] | null;
    Entrypoint: string | string[] | null;
    Healthcheck?: Healthcheck;
  };
  HostConfig: { NetworkMode?: string; MemorySwap?: number; RestartPolicy?: { Name: string } };
  NetworkSettings: { Networks: Record<string, Network> };
}

export interface ServiceInspection {
  ID: string;
  Version: { Index: number };
  Spec: {
    Name: string;
    Labels?: Record<string, string>;
    TaskTemplate?: { ContainerSpec?: { Env?: string[]; Command?: string[]; Args?: string[] } };
  };
}

export interface Named {
  ID: string;
  Spec?: { Name?: string };
}

export interface ImageInspection {
  Id: string;
}

export interface Info {
  ServerVersion: string;
  /** The clock of the daemon's machine, RFC 3339. */
  SystemTime: string;
  Swarm?: { ControlAvailable?: boolean };
}

export interface LogOptions {
  stdout?: boolean;
  stderr?: boolean;
  timestamps?: boolean;
  /** Lines, counted from the end. */
  tail?: number;
  /** Unix seconds with a fraction of nine digits: a number would lose the nanoseconds. */
  since?: string;
}
