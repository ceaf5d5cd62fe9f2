import { expect, test } from "vitest";
import { phasesOf } from "../../../cli/timing/phases.ts";

test("the times of a preview by phase", () => {
  const processes = [
    { pid: 1, command: "pulumi preview --non-interactive", cpu: 0.8 },
    { pid: 2, command: "/opt/pulumi-language-nodejs 127.0.0.1:1", cpu: 0.2 },
    { pid: 3, command: "node /app/node_modules/@pulumi/pulumi/cmd/run/index.js --monitor 127.0.0.1:2 .", cpu: 1 },
    { pid: 4, command: "node /app/provider/pulumi-resource-pgaccess 127.0.0.1:3", cpu: 0.5 },
    { pid: 5, command: "node /app/provider/pulumi-resource-pgaccess 127.0.0.1:3", cpu: 0.1 },
    { pid: 6, command: "/plugins/resource-random-v4.21.2/pulumi-resource-random 127.0.0.1:3", cpu: 0.2 },
    {
      pid: 7,
      command: "node /app/node_modules/@pulumi/pulumi/cmd/run-policy-pack/index.js 127.0.0.1:3 policies",
      cpu: 0.3,
    },
  ];
  const starts = [
    { pid: 3, seconds: 0.4 },
    { pid: 4, seconds: 0.2 },
    { pid: 5, seconds: 0.1 },
  ];
  const times = phasesOf({ processes, cpu: 3.2 }, starts);
  expect(Object.fromEntries(Object.entries(times).map(([phase, time]) => [phase, Number(time.toFixed(2))]))).toEqual({
    engine: 1,
    "program start": 0.4,
    "program work": 0.6,
    "plugin starts": 0.3,
    checks: 0.3,
    "plugins of others": 0.2,
    policies: 0.3,
    rest: 0.1,
  });
});
