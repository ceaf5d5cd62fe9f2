import { expect, test } from "vitest";
import { z } from "zod";
import { defineContract, orUnknown } from "../../provider/contract.ts";
import { type Changes, toResource } from "../../provider/reconciler.ts";
import { type PropertyValue, unknown } from "../../provider/rpc/values.ts";
import { testCall } from "./calls.ts";

const inputShape = { name: z.string(), size: z.number() };

/** A resource whose plan is what `drift` says at the time. */
function gauge(drift: () => Changes) {
  return toResource({
    contract: defineContract({ token: "pgaccess:index:Gauge", description: "", inputs: inputShape }),
    identity: ["name"],
    id: ({ name }) => name,
    plan: async () => ({ changes: drift() }),
    drift: async () => drift(),
    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  });
}

const call = testCall();
const declared = { name: "it", size: 1 };
/** As the engine keeps them: with the plan that the last up carried out. */
const inputs = { ...declared, changes: { old: "a -> b" } };
const olds = { ...declared, changes: {} };
const diff = { id: "it", olds, ignoreChanges: [] };

test("a refresh reports nothing of the plan that the last up carried out", async () => {
  const resource = gauge(() => ({}));
  const read = await resource.read(call, { id: "it", inputs, olds });
  const oldInputs = read?.inputs ?? {};
  expect(await resource.diff(call, { ...diff, oldInputs, news: inputs })).toMatchObject({
    changes: false,
    detailed: {},
  });
});

test("a refresh names what differs, and one that was accepted hides it from no preview", async () => {
  const resource = gauge(() => ({ "app.t": "owner a -> b" }));
  const read = await resource.read(call, { id: "it", inputs, olds });
  expect(read).toEqual({ id: "it", inputs, outputs: { ...declared, changes: { "app.t": "owner a -> b" } } });
  const refreshed = { ...diff, olds: read?.outputs ?? {}, oldInputs: read?.inputs ?? {} };
  // The engine turns this round: the server added it.
  expect(await resource.diff(call, { ...refreshed, news: inputs })).toMatchObject({
    changes: true,
    replaces: [],
    detailed: { 'changes["app.t"]': { kind: "delete", inputDiff: false } },
  });
  const { inputs: news } = await resource.check(call, { olds: inputs, news: declared, randomSeed: new Uint8Array() });
  expect(await resource.diff(call, { ...refreshed, news })).toMatchObject({
    changes: true,
    detailed: { 'changes["app.t"]': { kind: "add" } },
  });
});

test("drift that is over when the server is read again is out of the state, and no change", async () => {
  const resource = gauge(() => ({}));
  const read = await resource.read(call, { id: "it", inputs, olds: { ...olds, changes: { old: "a -> b" } } });
  expect(read?.outputs.changes).toEqual({});
  const refreshed = { ...diff, olds: read?.outputs ?? {}, oldInputs: inputs };
  expect((await resource.diff(call, { ...refreshed, news: inputs })).changes).toBe(false);
});

test("drift found by the Check after a refresh is reported, be it the same as the last time", async () => {
  const resource = gauge(() => ({ old: "a -> b" }));
  await resource.read(call, { id: "it", inputs, olds });
  const { inputs: news } = await resource.check(call, { olds: inputs, news: declared, randomSeed: new Uint8Array() });
  expect(await resource.diff(call, { ...diff, oldInputs: inputs, news })).toMatchObject({
    changes: true,
    detailed: { "changes.old": { kind: "add" } },
  });
});

test("a refresh of one resource hides nothing of another", async () => {
  const resource = gauge(() => ({}));
  await resource.read({ ...call, urn: "another" }, { id: "it", inputs, olds });
  expect((await resource.diff(call, { ...diff, oldInputs: inputs, news: inputs })).changes).toBe(true);
});

test("an input that is kept stays as it was first known, in whatever is planned, compared and removed", async () => {
  const planned: unknown[] = [];
  const resource = toResource({
    contract: defineContract({
      token: "pgaccess:index:Keeper",
      description: "",
      inputs: { name: z.string(), former: orUnknown(z.string()) },
    }),
    identity: ["name"],
    kept: ["former"],
    id: ({ name }) => name,
    plan: async ({ former }) => {
      planned.push(former);
      return { changes: {} };
    },
    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  });
  const checked = async (former: PropertyValue, before?: PropertyValue) => {
    const olds = before !== undefined && { olds: { name: "it", former: before } };
    const news = { name: "it", former };
    return (await resource.check(call, { ...olds, news, randomSeed: new Uint8Array() })).inputs.former;
  };
  expect(await checked("first")).toBe("first");
  expect(await checked("second", "first")).toBe("first");
  expect(await checked(unknown, "first")).toBe("first");
  expect(await checked("first", unknown)).toBe("first");
  expect(planned).toEqual(["first", "first", "first", "first"]);
});

test("a list of names is compared by its names: one that comes in the middle is no change of all behind it", async () => {
  const resource = toResource({
    contract: defineContract({ token: "pgaccess:index:List", description: "", inputs: { roles: z.array(z.string()) } }),
    identity: [],
    id: () => "list",
    plan: async () => ({ changes: {} }),
    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  });
  const between = async (before: string[], after: string[]) => {
    const args = { id: "list", olds: { roles: before }, oldInputs: { roles: before }, news: { roles: after } };
    const { changes, detailed = {} } = await resource.diff(call, { ...args, ignoreChanges: [] });
    expect(changes).toBe(true);
    return Object.entries(detailed).map(([path, { kind }]) => `${kind} ${path}`);
  };
  expect(await between(["cron", "gateway", "owner"], ["api", "cron", "gateway", "owner"])).toEqual(["add roles[0]"]);
  expect(await between(["api", "cron", "gateway"], ["api", "gateway"])).toEqual(["delete roles[1]"]);
  expect(await between(["api", "cron"], ["bi", "cron"])).toEqual(["update roles[0]"]);
  // Nothing but the order: the list as a whole.
  expect(await between(["api", "cron"], ["cron", "api"])).toEqual(["update roles"]);
  expect(await between(["api", "api"], ["api"])).toEqual(["update roles"]);
});
