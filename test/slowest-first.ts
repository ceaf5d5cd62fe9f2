import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The slowest files and folders, in the order of their durations; the other files follow. */
const slowest = [
  "faults/rollback-walk.test.ts",
  "e2e/runbook-in-containers.test.ts",
  "e2e/lifecycle.test.ts",
  "faults/rollback.test.ts",
  "e2e/runbook.test.ts",
  "faults/crash.test.ts",
  "e2e/cutover.test.ts",
  "e2e/swarm.test.ts",
  "e2e/containers.test.ts",
  "provider/service-env/compose.test.ts",
  "faults/estates.test.ts",
  "e2e/",
  "faults/",
  "examples/",
  "provider/rollback-kit/docker.test.ts",
  "provider/rehearsal/rehearse.test.ts",
  "sandbox/",
  "upgrade/",
];

/** Starts the slowest files first, so that no worker is left with a long file at the end. */
export default class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const found = slowest.findIndex((each) => moduleId.includes(`/test/${each}`));
      return found < 0 ? slowest.length : found;
    };
    return (await super.sort(files)).sort((one, other) => rankOf(one) - rankOf(other));
  }
}
