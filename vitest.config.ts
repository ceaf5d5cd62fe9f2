import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import SlowestFirst from "./test/slowest-first.ts";
import { unitFiles } from "./test/unit-files.ts";

const unit = unitFiles(import.meta.dirname);

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
          exclude: unit,
          globalSetup: "test/global-setup.ts",
          ...timeouts,
        },
      },
    ],
  },
});
