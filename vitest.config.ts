import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/global-setup.ts",
    reporters: ["default", "./test/summary.ts"],
    // End-to-end tests spend half their time waiting for a server, a gate or a stop.
    maxWorkers: availableParallelism() + 1,
    // Enough for a whole `pulumi up` on a busy machine with two cores; no test asserts on time.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
