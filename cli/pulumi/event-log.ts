import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

/** Milliseconds between two looks. */
const between = 50;

/** The parts of an engine event that are read here. */
export interface EngineEvent {
  diagnosticEvent?: { urn?: string; severity: string; message: string };
  resourcePreEvent?: StepEvent;
  resOutputsEvent?: StepEvent;
  resOpFailedEvent?: StepEvent;
  policyEvent?: { message: string; policyName: string; enforcementLevel: string };
  summaryEvent?: { result?: string };
}

/** One step: a resource and its operation. */
interface StepEvent {
  metadata: StepMetadata;
}

export interface StepMetadata {
  urn: string;
  op: string;
  type?: string;
  old?: StepState | null;
  new?: StepState | null;
  /** Property path to its difference. */
  detailedDiff?: Record<string, unknown> | null;
  /** Names of the inputs that differ, where the provider returns no detailed difference. */
  diffs?: string[] | null;
}

/** A resource before or after a step; secrets are masked. */
export interface StepState {
  parent?: string;
  inputs?: Record<string, unknown> | null;
  outputs?: Record<string, unknown> | null;
}

/** The engine's log of one up, in a folder that only this user can read; the engine masks secrets. */
export class EventLog {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<EventLog> {
    return new EventLog(await mkdtemp(join(tmpdir(), "app-roles-events-")));
  }

  get #file(): string {
    return join(this.#folder, "events");
  }

  /** Arguments of the up, and the environment that enables them. */
  get args(): string[] {
    return ["--event-log", this.#file];
  }
  readonly env = { PULUMI_DEBUG_COMMANDS: "true" };

  /** The events so far; empty before the up has begun. */
  async read(): Promise<EngineEvent[]> {
    const text = await readFile(this.#file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    // The last line can be incomplete.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as EngineEvent]));
  }

  /**
   * The events of a finished operation, one at a time, because the log of a large stack is longer than a string can be. Leaves out
   * those for the engine's developers, and the results of steps.
   */
  async *each(): AsyncGenerator<EngineEvent> {
    // The operation did not begin, for example because of a wrong passphrase.
    if (!existsSync(this.#file)) return;
    const lines = createInterface({ input: createReadStream(this.#file, "utf8"), crlfDelay: Number.POSITIVE_INFINITY });
    for await (const line of lines) {
      if (
        line !== "" &&
        !/^\{"sequence":\d+,"timestamp":\d+,"(?:resOutputsEvent|policyAnalyze|policyRemediate)/.test(line)
      ) {
        yield JSON.parse(line) as EngineEvent;
      }
    }
  }

  /**
   * Calls `see` with all events so far, repeatedly, until the returned function is called, which reads once more. A failed
   * read is skipped.
   */
  follow(see: (events: EngineEvent[]) => void | Promise<void>): () => Promise<void> {
    let isOver = false;
    const look = async () => {
      const events = await this.read().catch(() => undefined);
      if (events) await see(events);
    };
    const looking = (async () => {
      while (!isOver) {
        await look();
        await sleep(between);
      }
      await look();
    })();
    return () => {
      isOver = true;
      return looking;
    };
  }

  /** The distinct errors that resources reported, without colours. */
  async errors(): Promise<string[]> {
    const messages = (await this.read()).flatMap(({ diagnosticEvent: event }) =>
      event?.severity === "error" && event.urn ? [plain(event.message)] : [],
    );
    return [...new Set(messages)];
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The message without colours, which the engine writes as <{%reset%}>. */
export function plain(message: string): string {
  return stripVTControlCharacters(message.replace(/<\{%[^%]*%\}>/g, "")).trim();
}
