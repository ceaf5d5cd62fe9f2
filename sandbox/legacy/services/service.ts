import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { definitions, type ServiceName } from "./definitions.ts";
import type { ServiceEvent } from "./events.ts";

/** What a deploy gives a service. */
export interface Deployment {
  /** Its DATABASE_URL; handed over in the environment, never as an argument. */
  url: string;
  /** Sessions its pool holds; default: `legacyPool` of its definition. */
  pool?: number;
}

/** Starts the process; `ready` tells when its pool is full. */
export function startService(name: ServiceName, deployment: Deployment): Service {
  return new Service(name, deployment);
}

/** A running legacy service, as its deploy tool sees it. */
export class Service {
  readonly name: ServiceName;
  /** All it printed, over its restarts. */
  readonly log: ServiceEvent[] = [];
  private run: Run;

  constructor(name: ServiceName, deployment: Deployment) {
    this.name = name;
    this.run = this.start(deployment);
  }

  /** Requests that were given up, over its restarts. */
  get failures(): number {
    return this.count("request failed");
  }

  /** Requests that were served, over its restarts. */
  get served(): number {
    return this.count("request served");
  }

  /** Resolves once the pool is full; rejects when the process ends before, such as for a failed migration. */
  ready(): Promise<void> {
    return this.run.ready;
  }

  /** Ends the process after the request at hand; its sessions are closed then. Harmless when it has ended. */
  async stop(): Promise<void> {
    const { process, ended } = this.run;
    process.kill("SIGTERM");
    await ended;
  }

  /** What a redeploy does: stop, start with the new environment, wait until it serves. Rejects as `ready` does. */
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
      // The channel is closed with this process, which ends the service too.
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
          errors.trim() || (last && "message" in last ? `${last.message} (${last.code})` : "no reason given");
        reject(new Error(`${this.name} ended with exit code ${child.exitCode} before it served: ${reason}`));
      });
    });
    // Nobody may be waiting when a service is stopped before it serves.
    ready.catch(() => undefined);
    return { process: child, ready, ended };
  }
}

interface Run {
  process: ChildProcess;
  ready: Promise<void>;
  ended: Promise<void>;
}
