import { describe, expect, test } from "vitest";
import type { EngineEvent } from "../../../cli/pulumi/event-log.ts";
import { RotationWatch } from "../../../cli/rotate/rotation-watch.ts";

const pre = (urn: string, op: string): EngineEvent => ({ resourcePreEvent: { metadata: { urn, op } } });
const done = (urn: string, op: string): EngineEvent => ({ resOutputsEvent: { metadata: { urn, op } } });
const deployments = new Map([
  ["api", "container"],
  ["worker", "env"],
]);

describe("the role's own password", () => {
  const watch = () => new RotationWatch({ begins: "role", ends: "role", deployments });

  test("the window lasts from when the server may have the new password to the service's redeploy", () => {
    const watched = watch();
    const events = [done("container", "refresh"), pre("role", "refresh"), done("role", "refresh")];
    watched.see(events, 100);
    expect([watched.mayHaveBegun, watched.hasBegun, watched.window("api")]).toEqual([false, false, 0]);
    events.push(pre("role", "update"));
    watched.see(events, 1000);
    expect([watched.mayHaveBegun, watched.hasBegun, watched.endedAt]).toEqual([true, false, 1000]);
    events.push(done("role", "update"), done("container", "delete-replaced"));
    watched.see(events, 1200);
    expect([watched.hasBegun, watched.window("api")]).toEqual([true, Number.POSITIVE_INFINITY]);
    events.push(done("container", "create-replacement"));
    watched.see(events, 3000);
    watched.see(events, 4000);
    expect([watched.window("api"), watched.window("worker")]).toEqual([2000, Number.POSITIVE_INFINITY]);
  });

  test("an older read that arrives later resets nothing", () => {
    const watched = watch();
    watched.see([pre("role", "update"), done("role", "update")], 1000);
    watched.see([], 1100);
    expect([watched.mayHaveBegun, watched.hasBegun, watched.endedAt]).toEqual([true, true, 1000]);
  });

  test("no window if the service is redeployed before the server changes", () => {
    const watched = watch();
    watched.see([done("env", "update")], 100);
    expect(watched.window("worker")).toBe(0);
  });
});

describe("two alternating login roles", () => {
  const watch = () => new RotationWatch({ begins: "turn", ends: "former", deployments });

  test("no window if the previous login ends after the redeploys", () => {
    const watched = watch();
    const events = [pre("turn", "update"), done("turn", "update"), pre("former", "same"), done("container", "update")];
    watched.see(events, 1000);
    expect([watched.hasBegun, watched.endedAt, watched.wasRedeployed("api")]).toEqual([true, undefined, true]);
    expect([watched.wasRedeployed("worker"), watched.window("worker")]).toEqual([false, 0]);
    events.push(done("env", "update"));
    watched.see(events, 2000);
    events.push(pre("former", "update"), done("former", "update"));
    watched.see(events, 3000);
    expect([watched.endedAt, watched.window("api"), watched.window("worker")]).toEqual([3000, 0, 0]);
  });

  test("a window if the service is redeployed afterwards", () => {
    const watched = watch();
    const events = [pre("turn", "update"), pre("former", "update")];
    watched.see(events, 1000);
    watched.see([...events, done("env", "update")], 1500);
    expect(watched.window("worker")).toBe(500);
  });
});
