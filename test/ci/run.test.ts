import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { temporaryFolder } from "../sandbox/temporary.ts";

const script = fileURLToPath(new URL("../../.ci/run", import.meta.url));

/** Runs .ci/run with these shell commands in place of npm's. */
async function lastLine(commands: {
  test: string;
  bench: string;
}): Promise<{ line: string | undefined; code: number }> {
  const folder = await temporaryFolder();
  const npm = `#!/bin/sh\nif [ "$1" = test ]; then ${commands.test}; else ${commands.bench}; fi\n`;
  await writeFile(join(folder, "npm"), npm, { mode: 0o700 });
  // The programs that it would install.
  for (const program of ["dockerd", "pgbench", "openssl"]) await writeFile(join(folder, program), "", { mode: 0o700 });
  const path = [folder, process.env.PATH].join(delimiter);
  const { code, stdout } = await run(script, [], { env: { ...process.env, PATH: path } });
  return { line: stdout.trimEnd().split("\n").at(-1), code };
}

test.each([
  ["both pass", 'echo "10 passed, 0 failed"', 'echo "4 passed, 0 failed"', "14 passed, 0 failed", 0],
  [
    "tests are skipped",
    'echo "9 passed, 0 failed, 1 skipped"',
    'echo "4 passed, 0 failed"',
    "13 passed, 0 failed, 1 skipped",
    0,
  ],
  ["a test fails", 'echo "9 passed, 1 failed"; exit 1', 'echo "4 passed, 0 failed"', "13 passed, 1 failed", 1],
  ["lint fails", "exit 1", 'echo "4 passed, 0 failed"', "4 passed, 1 failed", 1],
  [
    "a ratio is above its bar",
    'echo "9 passed, 0 failed"',
    'echo "3 passed, 1 failed"; exit 1',
    "12 passed, 1 failed",
    1,
  ],
  ["the check of ratios ends early", 'echo "9 passed, 0 failed"', "exit 1", "9 passed, 1 failed", 1],
  ["nothing is counted", "true", 'echo "4 passed, 0 failed"', "4 passed, 1 failed", 1],
])("the last line counts everything when %s", async (_, test, bench, line, code) => {
  expect(await lastLine({ test, bench })).toEqual({ line, code });
});
