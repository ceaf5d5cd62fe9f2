import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
}

/** One step: a resource and its operation. */
interface StepEvent {
  metadata: { urn: string; op: string };
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

/** The engine writes colours as <{%reset%}>. */
function plain(message: string): string {
  return stripVTControlCharacters(message.replace(/<\{%[^%]*%\}>/g, "")).trim();
}
