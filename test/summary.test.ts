import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../sandbox/process.ts";
import { temporaryFolder } from "./sandbox/temporary.ts";

const summary = fileURLToPath(new URL("summary.ts", import.meta.url));
const vitest = fileURLToPath(new URL("../node_modules/.bin/vitest", import.meta.url));

/** Runs these test files and returns the output's lines. */
async function linesOf(files: Record<string, string>): Promise<string[]> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "node_modules"));
  for (const [name, body] of Object.entries(files)) {
    await writeFile(join(folder, `${name}.test.ts`), body);
  }
  const { stdout } = await run(vitest, ["run", "--globals", "--root", folder, `--reporter=${summary}`]);
  return stdout.trimEnd().split("\n");
}

const lastLine = async (files: Record<string, string>): Promise<string | undefined> => (await linesOf(files)).at(-1);

test("the last line contains the number of passed and failed tests", async () => {
  expect(await lastLine({ one: "test('a', () => {}); test('b', () => {});" })).toBe("2 passed, 0 failed");
});

test("failures outside tests are counted", async () => {
  const files = {
    one: "test('a', () => {}); test.skip('b', () => {}); test('c', () => { throw new Error('c'); });",
    unloadable: "throw new Error('unloadable');",
    hook: "beforeAll(() => { throw new Error('hook'); }); test('d', () => {});",
  };
  // Vitest counts a test with a failed hook as skipped.
  expect(await lastLine(files)).toBe("1 passed, 3 failed, 2 skipped");
});

test("the ten slowest files are listed, the slowest first", async () => {
  const names = Array.from({ length: 11 }, (_, index) => `file${index}`);
  const files = Object.fromEntries(names.map((name) => [name, "test('a', () => {});"]));
  const lines = await linesOf({
    ...files,
    slow: "test('b', () => new Promise((resolve) => { setTimeout(resolve, 1000); }));",
  });
  const listed = lines.slice(lines.indexOf("slowest files:") + 1, -2);
  expect(listed).toHaveLength(10);
  expect(listed[0]).toMatch(/^ +\d+\.\d s {2}slow\.test\.ts$/);
});
