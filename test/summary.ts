import type { Reporter, SerializedError, TestModule } from "vitest/node";

/**
 * Prints the ten slowest files, and a last line for people and machines: `12 passed, 0 failed` (and `, 3 skipped` if any).
 */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const count = (state: string): number => states.filter((each) => each === state).length;
    // A file that cannot be loaded, a failing hook and an unhandled error are failures without a failed test.
    const broken = modules.filter((module) => !module.ok() && !hasFailedTest(module)).length;
    const failed = count("failed") + count("pending") + broken + unhandled.length;
    const skipped = count("skipped");
    process.stdout.write(`\nslowest files:\n${slowest(modules).join("\n")}\n`);
    process.stdout.write(`\n${count("passed")} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  }
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests("failed")].length > 0;
}

/** The files that took longest, with their hooks, for example `  12.3 s  test/e2e/cutover.test.ts`. */
function slowest(modules: readonly TestModule[]): string[] {
  return modules
    .map((module) => ({ path: module.relativeModuleId, milliseconds: module.diagnostic().duration }))
    .sort((one, other) => other.milliseconds - one.milliseconds)
    .slice(0, 10)
    .map(({ path, milliseconds }) => `${(milliseconds / 1000).toFixed(1).padStart(7)} s  ${path}`);
}
