import { expect, test } from "vitest";
import { nodeProblem } from "../../../bin/node-version.js";
import { shellPath } from "../../../cli/doctor/engine.ts";

test("the PATH of the shell excludes the folders that npx prepends", () => {
  const PATH =
    "/app/node_modules/.bin:/node_modules/.bin:/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin:/usr/bin:/bin";
  expect(shellPath({ PATH, npm_command: "exec" })).toBe("/usr/bin:/bin");
  expect(shellPath({ PATH: "/app/node_modules/.bin:/usr/bin" })).toBe("/app/node_modules/.bin:/usr/bin");
});

test.each([
  ["20.20.2", "app-roles needs Node 22.18 or later, found 20.20"],
  ["v22.17.1", "app-roles needs Node 22.18 or later, found 22.17"],
  ["22.18.0", undefined],
  ["v24.0.0", undefined],
])("Node %s: %s", (version, problem) => {
  expect(nodeProblem(version)).toBe(problem);
});
