/** Milliseconds between two tables where nothing can be written over. */
const interval = 60_000;

/** A table that is written over on a terminal, with a line of status below; elsewhere a table a minute. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  #table = "";
  #status = "";
  #height = 0;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  show(table: string): void {
    this.#table = table;
    if (this.#out.isTTY) {
      this.#draw();
    } else if (Date.now() - this.#shownAt >= interval) {
      this.#shownAt = Date.now();
      this.#out.write(`${table}\n`);
    }
  }

  status(line: string): void {
    this.#status = line;
    if (this.#out.isTTY) this.#draw();
  }

  /** What was shown last stays. */
  end(): void {
    this.#height = 0;
  }

  #draw(): void {
    const width = (this.#out.columns ?? 80) - 1;
    const lines = [...this.#table.split("\n"), "", this.#status].map((line) => line.slice(0, width));
    const back = this.#height > 0 ? `\x1b[${this.#height}A\r\x1b[0J` : "";
    this.#out.write(`${back}${lines.join("\n")}\n`);
    this.#height = lines.length;
  }
}
