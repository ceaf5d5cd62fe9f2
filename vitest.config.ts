import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/global-setup.ts",
    reporters: ["default", "./test/summary.ts"],
    // A whole `pulumi up` on a busy machine of two cores; nothing is asserted on time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
