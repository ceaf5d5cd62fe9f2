import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

/** Milliseconds between two looks. */
const between = 50;

/** What is read of an event of the engine's. */
export interface EngineEvent {
  diagnosticEvent?: { urn?: string; severity: string; message: string };
  resourcePreEvent?: StepEvent;
  resOutputsEvent?: StepEvent;
  resOpFailedEvent?: StepEvent;
}

/** Of one step: one resource, and what is done with it. */
interface StepEvent {
  metadata: { urn: string; op: string };
}

/** The engine's log of one up, in a folder that only this user may read; the engine masks secrets in it. */
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

  /** Arguments of the up, and what its environment needs for them. */
  get args(): string[] {
    return ["--event-log", this.#file];
  }
  readonly env = { PULUMI_DEBUG_COMMANDS: "true" };

  /** What has been written so far; nothing before the up has begun. */
  async read(): Promise<EngineEvent[]> {
    const text = await readFile(this.#file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    // The last line may be half written.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as EngineEvent]));
  }

  /**
   * Tells `see` of all events so far, again and again, one look after the other, until what it gives back is called, which
   * looks once more. A look that fails says nothing.
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

  /** The errors that resources reported, without colours, one for each. */
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

/** The engine writes its colours as <{%reset%}>. */
function plain(message: string): string {
  return stripVTControlCharacters(message.replace(/<\{%[^%]*%\}>/g, "")).trim();
}
