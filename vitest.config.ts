import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/global-setup.ts",
    reporters: ["default", "./test/summary.ts"],
    // Half of an end-to-end test is waiting: for a server, a gate, a stop.
    maxWorkers: availableParallelism() + 1,
    // A whole `pulumi up` on a busy machine of two cores; nothing is asserted on time.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
