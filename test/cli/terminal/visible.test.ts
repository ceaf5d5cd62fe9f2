import { expect, test } from "vitest";
import { visible } from "../../../cli/terminal/visible.ts";

test("control characters become visible", () => {
  expect(visible("a\u001b[31m\nb\u007f é")).toBe("a\\x1b[31m\\x0ab\\x7f é");
});
