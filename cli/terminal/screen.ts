/** Milliseconds between two tables if standard output is not a terminal. */
const interval = 60_000;

/** A table that is overwritten on a terminal, with a status line below; otherwise one table a minute. */
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

  /** Keeps what was shown last. */
  end(): void {
    this.#height = 0;
  }

  #draw(): void {
    const width = (this.#out.columns ?? 80) - 1;
    // Below the table: an empty line, the status and the cursor.
    const rows = this.#table.split("\n").slice(0, Math.max(1, (this.#out.rows ?? 24) - 3));
    const lines = [...rows, "", this.#status].map((line) => line.slice(0, width));
    const back = this.#height > 0 ? `\x1b[${this.#height}A\r\x1b[0J` : "";
    this.#out.write(`${back}${lines.join("\n")}\n`);
    this.#height = lines.length;
  }
}

/** Rows as aligned columns; numbers are right-aligned. */
export function table(rows: (string | number)[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? "").length)));
  const cellOf = (cell: string | number, width: number) =>
    typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
  return rows
    .map((row) => `  ${row.map((cell, column) => cellOf(cell, widths[column] ?? 0)).join("   ")}`.trimEnd())
    .join("\n");
}
