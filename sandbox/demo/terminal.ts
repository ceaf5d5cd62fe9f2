import { styleText } from "node:util";

/** A claim of the demo is false. */
export class ClaimFailed extends Error {}

type Cell = string | number | null;

/** The demo's output: numbered steps, prose, commands, tables and checked claims. Only a terminal gets colours. */
export class Terminal {
  /** The whole output so far, without colours. */
  printed = "";
  /** Number of claims that were true. */
  claims = 0;
  private readonly out: NodeJS.WriteStream;
  private readonly width: number;
  private readonly started = Date.now();
  private readonly steps: { title: string; at: number }[] = [];

  constructor(out: NodeJS.WriteStream) {
    this.out = out;
    // A terminal without a size reports 0 columns.
    this.width = Math.min(out.columns || 100, 100);
  }

  /** Starts a numbered step. */
  step(title: string): void {
    this.steps.push({ title, at: Date.now() });
    const heading = `${this.steps.length}. ${title}`;
    this.line();
    this.line(heading, "bold");
    this.line("-".repeat(Math.min(heading.length, this.width)), "dim");
  }

  say(text: string): void {
    for (const line of wrap(text, this.width)) this.line(line);
  }

  /** Prints a command that the reader could type. */
  command(text: string): void {
    this.line(`$ ${text}`, "cyan");
  }

  /** Prints the output of another program. */
  quote(text: string): void {
    for (const line of text.split("\n")) {
      const indent = line.slice(0, line.search(/\S|$/));
      // A line that fits may be a row of a table, so its spaces stay.
      const fits = line.length <= this.width - 4;
      const parts = fits ? [line.trim()] : wrap(line.trim(), this.width - 6 - indent.length);
      for (const [index, part] of parts.entries()) this.line(`  | ${indent}${index > 0 ? "  " : ""}${part}`, "dim");
    }
  }

  table(head: string[], rows: Cell[][]): void {
    const all = [head, ...rows.map((row) => row.map((cell) => (cell === null ? "" : String(cell))))];
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
    const isNumber = head.map((_, column) => rows.every((row) => typeof row[column] === "number"));
    all.forEach((row, index) => {
      const cells = row.map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      );
      this.line(`  ${cells.join("   ")}`.trimEnd(), index === 0 ? "bold" : undefined);
    });
  }

  /**
   * Checks a claim and prints it.
   *
   * @throws ClaimFailed with `found` if the claim is false
   */
  claim(isTrue: boolean, text: string, found?: unknown): void {
    if (!isTrue) throw new ClaimFailed(`${text}${found === undefined ? "" : `\nfound instead: ${describe(found)}`}`);
    this.claims++;
    for (const [index, line] of wrap(text, this.width - 5).entries()) {
      this.line(index === 0 ? `  ✓ ${line}` : `    ${line}`, "green");
    }
  }

  /** Prints the seconds of each step and their sum. */
  times(): void {
    const end = Date.now();
    const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(1);
    this.table(
      ["step", "seconds"],
      [
        ...this.steps.map(({ title, at }, index) => [title, seconds(at, this.steps[index + 1]?.at ?? end)]),
        ["total", seconds(this.started, end)],
      ],
    );
  }

  line(text = "", style?: "bold" | "dim" | "cyan" | "green" | "red"): void {
    this.printed += `${text}\n`;
    this.out.write(`${style ? styleText(style, text, { stream: this.out }) : text}\n`);
  }
}

function describe(found: unknown): string {
  return typeof found === "string" ? found : JSON.stringify(found, undefined, 2);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  lines.push(line);
  return lines;
}
