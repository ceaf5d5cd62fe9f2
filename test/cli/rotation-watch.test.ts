import { expect, test } from "vitest";
import type { EngineEvent } from "../../cli/event-log.ts";
import { RotationWatch } from "../../cli/rotation-watch.ts";

const pre = (urn: string, op: string): EngineEvent => ({ resourcePreEvent: { metadata: { urn, op } } });
const done = (urn: string, op: string): EngineEvent => ({ resOutputsEvent: { metadata: { urn, op } } });
const watch = () =>
  new RotationWatch(
    "role",
    new Map([
      ["api", "container"],
      ["worker", "env"],
    ]),
  );

test("a window is open from the first moment the server may know the password to the service's redeploy", () => {
  const watched = watch();
  const events = [done("container", "refresh"), pre("role", "refresh"), done("role", "refresh")];
  watched.see(events, 100);
  expect([watched.changedAt, watched.isChanged, watched.window("api")]).toEqual([undefined, false, undefined]);
  events.push(pre("role", "update"));
  watched.see(events, 1000);
  expect([watched.changedAt, watched.isChanged]).toEqual([1000, false]);
  events.push(done("role", "update"), done("container", "delete-replaced"));
  watched.see(events, 1200);
  expect([watched.changedAt, watched.isChanged, watched.window("api")]).toEqual([1000, true, undefined]);
  events.push(done("container", "create-replacement"));
  watched.see(events, 3000);
  watched.see(events, 4000);
  expect([watched.window("api"), watched.window("worker")]).toEqual([2000, undefined]);
});

test("of a service that is redeployed while the server is not told, there is none", () => {
  const watched = watch();
  watched.see([done("env", "update")], 100);
  expect(watched.window("worker")).toBeUndefined();
});
