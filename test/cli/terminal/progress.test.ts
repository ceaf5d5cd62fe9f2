import { expect, test } from "vitest";
import { Progress } from "../../../cli/terminal/progress.ts";

function terminal(isTTY: boolean) {
  const written: string[] = [];
  const out = { isTTY, columns: 20, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
  return { out, written };
}

test("one line is overwritten and cleared at the end", () => {
  const { out, written } = terminal(true);
  const progress = new Progress(out, 0);
  progress.show("rehearsed 1 of 20: tickets.tickets");
  progress.show("rehearsed 2 of 20");
  progress.end();
  expect(written).toEqual(["\r\x1b[2K", "rehearsed 1 of 20: ", "\r\x1b[2K", "rehearsed 2 of 20", "\r\x1b[2K"]);
});

test("nothing at first, and never without a terminal", () => {
  const early = terminal(true);
  const progress = new Progress(early.out, 60_000);
  progress.show("soon done");
  progress.end();
  const file = terminal(false);
  new Progress(file.out, 0).show("rehearsed 1 of 20");
  expect([early.written, file.written]).toEqual([[], []]);
});
