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
 * Watches the up that cuts a service over, and has its way back at hand from before the service is touched: a service that its
 * gate refuses, or whose cutover is interrupted while it waits there, is put back while pulumi winds down.
 */
export class Supervision {
  /** For the up's environment: the plugin hands the service's script over. */
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

  /** @param signal the person at the keyboard has had enough */
  static async create(service: string, runtime: Runtime, signal: AbortSignal): Promise<Supervision> {
    const folder = await mkdtemp(join(tmpdir(), "app-roles-handover-"));
    return new Supervision(service, runtime, folder, signal);
  }

  /** Whether the service may run with another URL than before. */
  get isTouched(): boolean {
    return this.#watch.isTouched;
  }

  /** Whether the service was put back, whatever the up says of itself. */
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
   * Once the up has ended, not well: puts the service back where that was not done yet. Resolves with what was seen, or with
   * the error; undefined: there is nothing to put back, or no script to do it with.
   */
  async end(): Promise<string | Error | undefined> {
    await this.#take();
    if (this.isTouched) this.#begin();
    return this.#back;
  }

  /** Later, once the up has gone well and the service is not well: puts it back. Undefined: there is no script. */
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

  /** The script lies in the folder no longer than it takes to see it. */
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

/** Operations that change what is there. */
const changing = new Set(["create", "update", "replace", "create-replacement", "delete-replaced", "delete"]);

/** What starts a service with its URL. */
const deploymentTypes = [serviceEnvContract.token, "docker:index/container:Container", "docker:index/service:Service"];

/** Follows the events of a cutover's up: how far the service has come, and whether it is to go back. */
export class CutoverWatch {
  /** It may run with another URL than before, or is about to. */
  isTouched = false;
  /** It was started with its role's URL, and only its gate is being waited for: it may be put back while pulumi winds down. */
  isAtGate = false;
  /** Its gate was not passed. */
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

  /** All events so far. @param isExternal somebody else restarts the service: it is touched once its URL is handed out */
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
