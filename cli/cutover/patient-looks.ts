import { pause } from "../../provider/postgres/pause.ts";

/** In milliseconds. */
export interface Patience {
  /** For how long looks may fail in a row, as while the server is restarted. Default: a minute. */
  patience?: number;
  /** How long one look may take. Default: 15 seconds. */
  timeout?: number;
  /** Between two tries of a look that fails. Default: one second. */
  interval?: number;
}

/**
 * Looks at what may be out of sight for a while: one that fails is taken again until it succeeds, and its error is thrown once
 * that took longer than the patience. Its clock stands still meanwhile, so that it measures what was seen alone.
 */
export class PatientLooks<T> {
  /** Looks that succeeded. */
  count = 0;
  /** The last of them: what it saw, and when. Undefined: none did. */
  last: { seen: T; at: Date } | undefined;
  /** Milliseconds in which looks failed. */
  unseen = 0;
  readonly #look: () => Promise<T>;
  readonly #signal: AbortSignal;
  readonly #failing: (error: Error, left: number) => void;
  readonly #times: Required<Patience>;

  /** @param failing is told of each look that fails, and for how many milliseconds it is tried again */
  constructor(
    look: () => Promise<T>,
    signal: AbortSignal,
    failing: (error: Error, left: number) => void,
    { patience = 60_000, timeout = 15_000, interval = 1000 }: Patience = {},
  ) {
    this.#look = look;
    this.#signal = signal;
    this.#failing = failing;
    this.#times = { patience, timeout, interval };
  }

  /** Milliseconds, without those in which looks failed. */
  readonly now = (): number => Date.now() - this.unseen;

  /** Throws the error of a look that failed for too long, and at once when the signal comes. */
  readonly take = async (): Promise<T> => {
    const { patience, interval } = this.#times;
    const began = Date.now();
    let hasFailed = false;
    try {
      for (;;) {
        try {
          const seen = await this.#once();
          this.count++;
          this.last = { seen, at: new Date() };
          return seen;
        } catch (error) {
          const left = began + patience - Date.now();
          hasFailed = true;
          if (left <= 0 || this.#signal.aborted) throw error;
          this.#failing(error as Error, left);
          await pause(Math.min(interval, left), this.#signal);
        }
      }
    } finally {
      if (hasFailed) this.unseen += Date.now() - began;
    }
  };

  /** A server that is gone without a word leaves a look waiting for ever. */
  async #once(): Promise<T> {
    const { timeout } = this.#times;
    let end = () => {};
    const ended = new Promise<never>((_, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer in ${Math.ceil(timeout / 1000)}s`)), timeout);
      const stop = () => reject(new Error("interrupted"));
      if (this.#signal.aborted) stop();
      this.#signal.addEventListener("abort", stop);
      end = () => {
        clearTimeout(late);
        this.#signal.removeEventListener("abort", stop);
      };
    });
    return Promise.race([this.#look(), ended]).finally(end);
  }
}
