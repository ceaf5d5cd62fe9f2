import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { mockingFiles, unitFiles } from "./test/projects.ts";
import SlowestFirst from "./test/slowest-first.ts";

const unit = unitFiles(import.meta.dirname);
const mocking = mockingFiles(import.meta.dirname);

// Enough for a whole `pulumi up` on a busy machine with two cores; no test asserts on time.
const timeouts = { testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    reporters: ["default", "./test/summary.ts"],
    // Tests of the engine and of containers spend half of their time waiting for a server, a gate or a stop.
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: SlowestFirst },
    projects: [
      { test: { name: "unit", include: unit, isolate: false, ...timeouts } },
      {
        test: {
          name: "integration",
          include: ["test/**/*.test.ts"],
          exclude: [...unit, ...mocking],
          globalSetup: "test/global-setup.ts",
          // Loading the modules anew for each file costs a tenth of the CPU time.
          isolate: false,
          ...timeouts,
        },
      },
      { test: { name: "isolated", include: mocking, ...timeouts } },
    ],
  },
});
