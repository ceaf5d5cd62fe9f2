/** Milliseconds before progress is shown. */
const quiet = 2000;

/** One line on the terminal that is overwritten; silent if standard error is not a terminal. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #quiet: number;
  readonly #since = Date.now();
  #isShown = false;

  constructor(out: NodeJS.WriteStream = process.stderr, quietMs = quiet) {
    this.#out = out;
    this.#quiet = quietMs;
  }

  show(message: string): void {
    if (!this.#out.isTTY || Date.now() - this.#since < this.#quiet) return;
    this.#clear();
    this.#out.write(message.slice(0, (this.#out.columns ?? 80) - 1));
    this.#isShown = true;
  }

  /** Clears the line. */
  end(): void {
    if (this.#isShown) this.#clear();
  }

  #clear(): void {
    this.#out.write("\r\x1b[2K");
  }
}

/** Milliseconds between two updates. */
const interval = 500;

/** Shows the latest message of `work` while it runs, at first `first`. */
export async function during<T>(first: string, work: (show: (message: string) => void) => Promise<T>): Promise<T> {
  const progress = new Progress();
  let message = first;
  const timer = setInterval(() => progress.show(message), interval);
  try {
    return await work((next) => {
      message = next;
    });
  } finally {
    clearInterval(timer);
    progress.end();
  }
}
