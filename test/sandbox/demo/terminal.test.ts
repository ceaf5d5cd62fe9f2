import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { ClaimFailed, Terminal } from "../../../sandbox/demo/terminal.ts";

function terminal(columns?: number): { terminal: Terminal; shown(): string } {
  const out = new PassThrough({ encoding: "utf8" });
  let text = "";
  out.on("data", (chunk: string) => {
    text += chunk;
  });
  return {
    terminal: new Terminal(Object.assign(out, { columns }) as unknown as NodeJS.WriteStream),
    shown: () => text,
  };
}

test("prints and counts a true claim", () => {
  const { terminal: told, shown } = terminal();
  told.claim(true, "the server is full");
  expect(shown()).toBe("  ✓ the server is full\n");
  expect(told.claims).toBe(1);
});

test("throws for a false claim, with the value found", () => {
  const { terminal: told, shown } = terminal();
  expect(() => told.claim(false, "the limit is 30", { limit: 40 })).toThrow(ClaimFailed);
  expect(() => told.claim(false, "the limit is 30", { limit: 40 })).toThrow(
    'the limit is 30\nfound instead: {\n  "limit": 40\n}',
  );
  expect(shown()).toBe("");
  expect(told.claims).toBe(0);
});

test("aligns the numbers in a table right and the text left", () => {
  const { terminal: told, shown } = terminal();
  told.table(
    ["role", "sessions"],
    [
      ["gateway_app", 10],
      ["cron_app", 4],
    ],
  );
  expect(shown()).toBe("  role          sessions\n  gateway_app         10\n  cron_app             4\n");
});

test("keeps the columns of another program's output if they fit, else wraps it", () => {
  const { terminal: told, shown } = terminal();
  told.quote(`  role   limit\n    ${"word ".repeat(30)}`);
  expect(shown()).toBe(
    ["  |   role   limit", `  |     ${"word ".repeat(18).trim()}`, `  |       ${"word ".repeat(12).trim()}`, ""].join(
      "\n",
    ),
  );
});

test("numbers the steps", () => {
  const { terminal: told, shown } = terminal();
  told.step("Preview");
  told.step("Up");
  expect(shown()).toBe("\n1. Preview\n----------\n\n2. Up\n-----\n");
});

test("wraps prose at the terminal's width, or at 100 columns without one", () => {
  for (const [columns, widest] of [
    [40, 39],
    [0, 99],
    [undefined, 99],
  ] as const) {
    const { terminal: told, shown } = terminal(columns);
    told.say("word ".repeat(50).trim());
    expect(
      Math.max(
        ...shown()
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBe(widest);
  }
});
