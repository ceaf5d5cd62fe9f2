import { expect, test } from "vitest";
import { CutoverWatch } from "../../../cli/cutover/supervision.ts";
import type { EngineEvent } from "../../../cli/pulumi/event-log.ts";

const urn = (type: string, name = "api") => `urn:pulumi:prod::app-roles::app-roles:index:Service$${type}::${name}`;
const [env, gate, url] = ["ServiceEnv", "CutoverGate", "ServiceUrl"].map((type) => urn(`pgaccess:index:${type}`)) as [
  string,
  string,
  string,
];
const pre = (of: string, op: string): EngineEvent => ({ resourcePreEvent: { metadata: { urn: of, op } } });
const failed = (of: string, op: string): EngineEvent => ({ resOpFailedEvent: { metadata: { urn: of, op } } });
const seen = (events: EngineEvent[], isExternal = false) => {
  const watch = new CutoverWatch("api");
  watch.see(events, isExternal);
  return [watch.isTouched, watch.isAtGate, watch.isRefused];
};

test("a service is touched when its deployment begins, and can be rolled back once it waits at its gate", () => {
  const events = [pre(env, "refresh"), pre(gate, "refresh"), pre(url, "update"), pre(env, "same")];
  expect(seen(events)).toEqual([false, false, false]);
  events.push(pre(env, "update"));
  expect(seen(events)).toEqual([true, false, false]);
  events.push(pre(gate, "update"));
  expect(seen(events)).toEqual([true, true, false]);
  events.push(failed(gate, "update"));
  expect(seen(events)).toEqual([true, true, true]);
});

test("events of other services are ignored", () => {
  const other = (type: string) => urn(`pgaccess:index:${type}`, "other_api");
  expect(seen([pre(other("ServiceEnv"), "update"), failed(other("CutoverGate"), "update")])).toEqual([
    false,
    false,
    false,
  ]);
});

test("an external service is touched when its URL is handed out, a container when it is removed", () => {
  expect(seen([pre(url, "update")], true)).toEqual([true, false, false]);
  expect(seen([pre(urn("docker:index/container:Container"), "delete-replaced")])).toEqual([true, false, false]);
});
