import { expect, test } from "vitest";
import { Screen } from "../../../cli/terminal/screen.ts";

/** A terminal of four rows and ten columns, and its output. */
function terminal(isTTY: boolean) {
  const written: string[] = [];
  const out = { isTTY, columns: 10, rows: 4, write: (text: string) => written.push(text) };
  return { screen: new Screen(out as unknown as NodeJS.WriteStream), written };
}

test("a table taller than the terminal is cut, because rows above the screen cannot be overwritten", () => {
  const { screen, written } = terminal(true);
  screen.show("head\none\ntwo\nthree\nfour, which is long");
  screen.status("waiting for it");
  expect(written[0]).toBe("head\n\n\n");
  expect(written[1]).toBe("\x1b[3A\r\x1b[0Jhead\n\nwaiting f\n");
});

test("without a terminal the whole table is printed, without status", () => {
  const { screen, written } = terminal(false);
  screen.status("waiting");
  screen.show("head\none\ntwo\nthree\nfour, which is long");
  screen.show("again within the minute");
  expect(written).toEqual(["head\none\ntwo\nthree\nfour, which is long\n"]);
});
