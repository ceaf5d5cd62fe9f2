import { expect, test } from "vitest";
import { z } from "zod";
import { defineContract, orUnknown } from "../../provider/contract.ts";
import { type Changes, toResource } from "../../provider/reconciler.ts";
import { type PropertyValue, unknown } from "../../provider/rpc/values.ts";
import { warningDigest } from "../../provider/warned.ts";
import { testCall } from "./calls.ts";

const inputShape = { name: z.string(), size: z.number() };

/** A resource whose plan is the result of `drift`. */
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
/** As in the state: with the plan that the last up applied. */
const inputs = { ...declared, changes: { old: "a -> b" } };
const olds = { ...declared, changes: {} };
const diff = { id: "it", olds, ignoreChanges: [] };

test("a refresh does not report the plan that the last up applied", async () => {
  const resource = gauge(() => ({}));
  const read = await resource.read(call, { id: "it", inputs, olds });
  const oldInputs = read?.inputs ?? {};
  expect(await resource.diff(call, { ...diff, oldInputs, news: inputs })).toMatchObject({
    changes: false,
    detailed: {},
  });
});

test("null is a value where one is required", async () => {
  const contract = defineContract({
    token: "pgaccess:index:Nullable",
    description: "",
    inputs: { name: z.string(), former: z.string().nullable() },
  });
  const resource = toResource({
    contract,
    identity: ["name"],
    id: ({ name }) => name,
    plan: async () => ({ changes: {} }),
    drift: async ({ former }) => ({ found: String(former) }),
    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  });
  const read = await resource.read(call, { id: "it", inputs: { name: "it", former: null }, olds: {} });
  expect(read?.outputs.changes).toEqual({ found: "null" });
});

test("a refresh drops the plan that the last up applied, which no later call needs", async () => {
  const read = await gauge(() => ({})).read(call, { id: "it", inputs, olds });
  expect(read?.inputs).toEqual({ ...declared, changes: {} });
});

test("a refresh reports drift, and the next preview shows it even when the refresh was accepted", async () => {
  const resource = gauge(() => ({ "app.t": "owner a -> b" }));
  const read = await resource.read(call, { id: "it", inputs, olds });
  expect(read).toEqual({ id: "it", inputs: olds, outputs: { ...declared, changes: { "app.t": "owner a -> b" } } });
  const refreshed = { ...diff, olds: read?.outputs ?? {}, oldInputs: read?.inputs ?? {} };
  // The engine inverts this: the server added it.
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

test("drift that a refresh no longer finds is removed from the state and is not a change", async () => {
  const resource = gauge(() => ({}));
  const read = await resource.read(call, { id: "it", inputs, olds: { ...olds, changes: { old: "a -> b" } } });
  expect(read?.outputs.changes).toEqual({});
  const refreshed = { ...diff, olds: read?.outputs ?? {}, oldInputs: inputs };
  expect((await resource.diff(call, { ...refreshed, news: inputs })).changes).toBe(false);
});

test("Check reports drift after a refresh, even the same drift as before", async () => {
  const resource = gauge(() => ({ old: "a -> b" }));
  await resource.read(call, { id: "it", inputs, olds });
  const { inputs: news } = await resource.check(call, { olds: inputs, news: declared, randomSeed: new Uint8Array() });
  expect(await resource.diff(call, { ...diff, oldInputs: inputs, news })).toMatchObject({
    changes: true,
    detailed: { "changes.old": { kind: "add" } },
  });
});

test("a refresh of one resource does not hide the changes of another", async () => {
  const resource = gauge(() => ({}));
  await resource.read({ ...call, urn: "another" }, { id: "it", inputs, olds });
  expect((await resource.diff(call, { ...diff, oldInputs: inputs, news: inputs })).changes).toBe(true);
});

test("a kept input has its first known value in every plan, comparison and removal", async () => {
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
  const checked = async (former: PropertyValue, previous?: PropertyValue) => {
    const olds = previous !== undefined && { olds: { name: "it", former: previous } };
    const news = { name: "it", former };
    return (await resource.check(call, { ...olds, news, randomSeed: new Uint8Array() })).inputs.former;
  };
  expect(await checked("first")).toBe("first");
  expect(await checked("second", "first")).toBe("first");
  expect(await checked(unknown, "first")).toBe("first");
  expect(await checked("first", unknown)).toBe("first");
  expect(planned).toEqual(["first", "first", "first", "first"]);
});

test("Check keeps digests of the warnings, which are no change", async () => {
  let warnings = ["it is large", "it is old"];
  const resource = toResource({
    contract: defineContract({ token: "pgaccess:index:Gauge", description: "", inputs: inputShape }),
    identity: ["name"],
    id: ({ name }) => name,
    plan: async () => ({ changes: {}, warnings }),
    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  });
  const check = async (olds?: Record<string, PropertyValue>) =>
    (await resource.check(call, { ...(olds && { olds }), news: declared, randomSeed: new Uint8Array() })).inputs;
  const first = await check();
  expect(String(first.warned).split(" ").sort()).toEqual(warnings.map(warningDigest).sort());
  warnings = [];
  const second = await check(first);
  expect(second).toEqual({ ...declared, changes: {} });
  expect(await resource.diff(call, { ...diff, oldInputs: first, news: second })).toMatchObject({ changes: false });
});

test("a list of names is compared by name: an insertion is not a change of the names after it", async () => {
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
  // Another order only: the list as a whole.
  expect(await between(["api", "cron"], ["cron", "api"])).toEqual(["update roles"]);
  expect(await between(["api", "api"], ["api"])).toEqual(["update roles"]);
});
