import { defineConfig } from "vitest/config";

/** The tests of `npm run precommit`: pure logic, with neither a server nor an engine. */
export default defineConfig({
  test: {
    include: [
      "test/model/**/*.test.ts",
      "test/config/**/*.test.ts",
      "test/policies/{roles,services,connection-budget}.test.ts",
    ],
    isolate: false,
  },
});
