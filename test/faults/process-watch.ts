import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process: its arguments, which all users can read, and its environment, which its own user can read. */
export interface SeenProcess {
  command: string;
  environment: string;
}

/** Repeatedly lists the processes of this machine, like `ps`. Linux only. */
export class ProcessWatch {
  readonly #seen = new Map<string, SeenProcess>();
  readonly #looking: Promise<void>;
  #isEnded = false;

  constructor() {
    this.#looking = this.#look();
  }

  /** All processes seen. */
  async end(): Promise<SeenProcess[]> {
    this.#isEnded = true;
    await this.#looking;
    return [...this.#seen.values()];
  }

  async #look(): Promise<void> {
    while (!this.#isEnded) {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        const command = read(`/proc/${pid}/cmdline`);
        // A process keeps its id when it execs.
        const key = `${pid} ${command}`;
        if (command !== "" && !this.#seen.has(key)) {
          this.#seen.set(key, { command, environment: read(`/proc/${pid}/environ`) });
        }
      }
      await sleep(10);
    }
  }
}

/** Empty if the process has exited. */
function read(file: string): string {
  try {
    return readFileSync(file, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
