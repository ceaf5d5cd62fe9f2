import { pause } from "../../provider/postgres/pause.ts";

/** In milliseconds. */
export interface Patience {
  /** How long looks may fail in a row, such as during a restart of the server. Default: one minute. */
  patience?: number;
  /** Timeout of one look. Default: 15 seconds. */
  timeout?: number;
  /** Delay before a failed look is retried. Default: one second. */
  interval?: number;
}

/**
 * Repeats a look that can fail for a while: a failed look is retried until it succeeds, and its error is thrown after
 * `patience`. The clock stops meanwhile, so that it measures only observed time.
 */
export class PatientLooks<T> {
  /** Looks that succeeded. */
  count = 0;
  /** The last successful look. */
  last: { seen: T; at: Date } | undefined;
  /** Milliseconds in which looks failed. */
  unseen = 0;
  readonly #look: () => Promise<T>;
  readonly #signal: AbortSignal;
  readonly #failing: (error: Error, left: number) => void;
  readonly #times: Required<Patience>;

  /** @param failing called for each failed look, with the milliseconds left for retries */
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

  /** Milliseconds, excluding the time in which looks failed. */
  readonly now = (): number => Date.now() - this.unseen;

  /** Throws the error of a look that failed for too long, and immediately when the signal is aborted. */
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

  /** A server that disappears without closing its connections would leave a look waiting forever. */
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
