import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "../../model/runtime.ts";
import { switches } from "../../model/switches.ts";
import { cutoverGateContract } from "../../provider/cutover/gate/contract.ts";
import { type Handover, KeptScript } from "../../provider/rollback-kit/kept-script.ts";
import { serviceEnvContract } from "../../provider/service-env/contract.ts";
import { serviceUrlContract } from "../../provider/service-url/contract.ts";
import type { EngineEvent } from "../pulumi/event-log.ts";
import { restartOnLegacy } from "../rollback/restart-service.ts";

/**
 * Watches the up that cuts a service over, and has its rollback script before the service is touched: a service that fails its
 * gate, or whose cutover is interrupted at the gate, is rolled back while pulumi shuts down.
 */
export class Supervision {
  /** For the environment of the up: makes the plugin hand over the service's script. */
  readonly env: Record<string, string>;
  readonly #service: string;
  readonly #runtime: Runtime;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #watch: CutoverWatch;
  #script: string | undefined;
  #back: Promise<string | Error> | undefined;

  private constructor(service: string, runtime: Runtime, folder: string, signal: AbortSignal) {
    this.#service = service;
    this.#runtime = runtime;
    this.#folder = folder;
    this.#signal = signal;
    this.#watch = new CutoverWatch(service);
    const handover: Handover = { service, folder };
    this.env = { [switches.handover]: JSON.stringify(handover) };
  }

  /** @param signal the user interrupts the cutover */
  static async create(service: string, runtime: Runtime, signal: AbortSignal): Promise<Supervision> {
    const folder = await mkdtemp(join(tmpdir(), "app-roles-handover-"));
    return new Supervision(service, runtime, folder, signal);
  }

  /** Whether the service may run with another URL than before. */
  get isTouched(): boolean {
    return this.#watch.isTouched;
  }

  /** Whether the service is rolled back, whatever the exit code of the up. */
  get isRefused(): boolean {
    return this.#watch.isRefused || this.#back !== undefined;
  }

  /** All events of the up so far. */
  async see(events: EngineEvent[]): Promise<void> {
    this.#watch.see(events, this.#runtime === "external");
    await this.#take();
    const isOver = this.#watch.isRefused || (this.#signal.aborted && this.#watch.isAtGate);
    if (isOver) this.#begin();
  }

  /**
   * After the up has failed: rolls the service back unless that was done already. Resolves with what was seen, or with the
   * error; undefined if there is nothing to roll back, or no script.
   */
  async end(): Promise<string | Error | undefined> {
    await this.#take();
    if (this.isTouched) this.#begin();
    return this.#back;
  }

  /** After a successful up, when the service is not healthy: rolls it back. Undefined if there is no script. */
  async rollBack(): Promise<string | Error | undefined> {
    this.#begin();
    return this.#back;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #begin(): void {
    if (this.#script === undefined || this.#runtime === "external") return;
    this.#back ??= restartOnLegacy(this.#script, this.#runtime).catch((error: Error) => error);
  }

  /** Removes the script from the folder as soon as it is read: it holds a password. */
  async #take(): Promise<void> {
    const { path } = new KeptScript(this.#folder, this.#service);
    try {
      this.#script = await readFile(path, "latin1");
      await rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** Operations that change a resource. */
const changing = new Set(["create", "update", "replace", "create-replacement", "delete-replaced", "delete"]);

/** Resources that start a service with its URL. */
const deploymentTypes = [serviceEnvContract.token, "docker:index/container:Container", "docker:index/service:Service"];

/** Follows the events of a cutover's up: how far the service has come, and whether it must be rolled back. */
export class CutoverWatch {
  /** The service may run with another URL than before, or is about to. */
  isTouched = false;
  /** The service was started with its role's URL and waits for its gate: it can be rolled back while pulumi shuts down. */
  isAtGate = false;
  /** The gate failed. */
  isRefused = false;
  readonly #deployments: string[];
  readonly #gate: string;
  readonly #url: string;

  constructor(service: string) {
    const child = (type: string) => `app-roles:index:Service$${type}::${service}`;
    this.#deployments = deploymentTypes.map(child);
    this.#gate = child(cutoverGateContract.token);
    this.#url = child(serviceUrlContract.token);
  }

  /** All events so far. @param isExternal the user restarts the service: it is touched once its URL is handed out */
  see(events: EngineEvent[], isExternal: boolean): void {
    const first = isExternal ? [this.#url] : this.#deployments;
    for (const { resourcePreEvent: begun, resOpFailedEvent: failed } of events) {
      if (begun && changing.has(begun.metadata.op)) {
        if (first.some((urn) => begun.metadata.urn.endsWith(urn))) this.isTouched = true;
        if (begun.metadata.urn.endsWith(this.#gate)) this.isAtGate = true;
      }
      if (failed?.metadata.urn.endsWith(this.#gate)) this.isRefused = true;
    }
  }
}
