import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One process as others of the machine can see it: its arguments, and what its own user sees of its environment. */
export interface SeenProcess {
  command: string;
  environment: string;
}

/** Looks at the processes of this machine until it is ended, as `ps` in another terminal would. Linux only. */
export class ProcessWatch {
  readonly #seen = new Map<string, SeenProcess>();
  readonly #looking: Promise<void>;
  #isEnded = false;

  constructor() {
    this.#looking = this.#look();
  }

  /** Every process that was seen. */
  async end(): Promise<SeenProcess[]> {
    this.#isEnded = true;
    await this.#looking;
    return [...this.#seen.values()];
  }

  async #look(): Promise<void> {
    while (!this.#isEnded) {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        const command = read(`/proc/${pid}/cmdline`);
        // A process that execs keeps its number.
        const key = `${pid} ${command}`;
        if (command !== "" && !this.#seen.has(key)) {
          this.#seen.set(key, { command, environment: read(`/proc/${pid}/environ`) });
        }
      }
      await sleep(10);
    }
  }
}

/** Empty when the process has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
