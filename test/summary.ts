import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Prints a last line for people and machines: `12 passed, 0 failed` (and `, 3 skipped` if any). */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const count = (state: string): number => states.filter((each) => each === state).length;
    // A file that cannot be loaded, a failing hook and an unhandled error are failures without a failed test.
    const broken = modules.filter((module) => !module.ok() && !hasFailedTest(module)).length;
    const failed = count("failed") + count("pending") + broken + unhandled.length;
    const skipped = count("skipped");
    process.stdout.write(`\n${count("passed")} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  }
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests("failed")].length > 0;
}
