import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { definitions, type ServiceName } from "./definitions.ts";
import type { ServiceEvent } from "./events.ts";

/** The settings of a service's deployment. */
export interface Deployment {
  /** The DATABASE_URL, which the service receives in its environment, never as an argument. */
  url: string;
  /** Number of sessions in the pool. @default `legacyPool` of the service's definition */
  pool?: number;
}

/** Starts the service's process. Its `ready` resolves once the pool is full. */
export function startService(name: ServiceName, deployment: Deployment): Service {
  return new Service(name, deployment);
}

/** A running legacy service. */
export class Service {
  readonly name: ServiceName;
  /** The service's output since its first start. */
  readonly log: ServiceEvent[] = [];
  private run: Run;

  constructor(name: ServiceName, deployment: Deployment) {
    this.name = name;
    this.run = this.start(deployment);
  }

  /** Number of failed requests since the first start. */
  get failures(): number {
    return this.count("request failed");
  }

  /** Number of served requests since the first start. */
  get served(): number {
    return this.count("request served");
  }

  /** Resolves once the pool is full. Rejects if the process ends before, for example after a failed migration. */
  ready(): Promise<void> {
    return this.run.ready;
  }

  /** Stops the process after its current request and closes its sessions. Does nothing if the process has ended. */
  async stop(): Promise<void> {
    const { process, ended } = this.run;
    process.kill("SIGTERM");
    await ended;
  }

  /** Redeploys the service: stops it, starts it with the new URL, and waits until it serves. Rejects as `ready` does. */
  async restart(deployment: Deployment): Promise<void> {
    await this.stop();
    this.run = this.start(deployment);
    await this.run.ready;
  }

  private count(event: ServiceEvent["event"]): number {
    return this.log.filter((line) => line.event === event).length;
  }

  private start({ url, pool = definitions[this.name].legacyPool }: Deployment): Run {
    const main = fileURLToPath(new URL("main.ts", import.meta.url));
    const child = spawn(process.execPath, [main, this.name, "--pool", String(pool)], {
      env: { ...process.env, DATABASE_URL: url },
      // The IPC channel closes with this process, which ends the service.
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.on("data", (chunk) => {
      errors += chunk;
    });
    const ended = once(child, "close").then(() => undefined);
    const ready = new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
        const event = JSON.parse(line) as ServiceEvent;
        this.log.push(event);
        if (event.event === "serving") resolve();
      });
      void ended.then(() => {
        const last = this.log.findLast((event) => "message" in event);
        const reason =
          errors.trim() || (last && "message" in last ? `${last.message} (${last.code})` : "it reported no reason");
        reject(new Error(`${this.name} exited with code ${child.exitCode} before it served requests: ${reason}`));
      });
    });
    // Avoids an unhandled rejection if nothing awaits `ready`.
    ready.catch(() => undefined);
    return { process: child, ready, ended };
  }
}

interface Run {
  process: ChildProcess;
  ready: Promise<void>;
  ended: Promise<void>;
}
