import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../sandbox/process.ts";

const together = fileURLToPath(new URL("together.ts", import.meta.url));
const node = (...args: string[]) => run(process.execPath, [together, ...args]);

test("checks that succeed are silent, and the command gets its arguments", async () => {
  const { code, stdout } = await node("echo one", "echo two", "--", "echo", "three", "four 'five'");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "three four 'five'\n" });
});

test("every failed check is shown with its output and named at the end, though the command succeeds", async () => {
  const { code, stdout } = await node(
    "echo no such type >&2; exit 2",
    "echo wrong; exit 1",
    "--",
    "echo",
    "2 passed, 0 failed",
  );
  expect(code).toBe(1);
  for (const said of ["no such type", "wrong", "2 passed, 0 failed"]) expect(stdout.split("\n")).toContain(said);
  expect(stdout.trimEnd().split("\n").slice(-2)).toEqual([
    "echo no such type >&2; exit 2 failed: its output is above",
    "echo wrong; exit 1 failed: its output is above",
  ]);
});

test("the command's failure is the exit code, though the checks succeed", async () => {
  expect((await node("true", "--", "false")).code).toBe(1);
});

test("a command that cannot be started is a failure", async () => {
  expect((await node("true", "--", "no-such-command")).code).not.toBe(0);
});
