import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { switches } from "../../model/switches.ts";
import { defineContract } from "../../provider/contract.ts";
import { type Changes, toResource } from "../../provider/reconciler.ts";
import { refuseUnreviewed } from "../../provider/reviewed.ts";
import { testCall } from "./calls.ts";

const call = testCall();
const news = { name: "it" };
const randomSeed = new Uint8Array();
let folder: string;
/** What the catalog needs at the moment. */
let changes: Changes = {};
let applied = 0;

const resource = toResource({
  contract: defineContract({ token: "pgaccess:index:Gauge", description: "", inputs: { name: z.string() } }),
  identity: ["name"],
  id: ({ name }) => name,
  plan: async () => ({ changes }),
  summarize: () => undefined,
  apply: async () => {
    applied += 1;
    return undefined;
  },
  remove: async () => undefined,
});

const check = () => resource.check(call, { news, randomSeed });
const create = async () => resource.create(call, { inputs: (await check()).inputs, preview: false, timeout: 0 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "app-roles-reviewed-"));
  const unknown = { "/srv/api.env": "user postgres -> not known yet", "container api-1": "nothing -> not known yet" };
  const plans = {
    one: { "a.t": "grant SELECT", "a.u": "grant SELECT" },
    two: { ...unknown, "a.t": "grant SELECT" },
  };
  const resources = { [call.urn]: { plan: "one" }, restarted: { plan: "two" } };
  await writeFile(join(folder, "reviewed.json"), JSON.stringify({ resources, plans }));
  process.env[switches.reviewed] = join(folder, "reviewed.json");
});
afterAll(async () => {
  delete process.env[switches.reviewed];
  await rm(folder, { recursive: true });
});

test("reviewed changes are applied, also if some are no longer needed", async () => {
  for (const needed of [{ "a.t": "grant SELECT", "a.u": "grant SELECT" }, { "a.u": "grant SELECT" }, {}]) {
    changes = needed;
    expect((await check()).failures).toBeUndefined();
    await create();
  }
  expect(applied).toBe(3);
});

test.each([{ "a.t": "grant SELECT", "a.new": "grant SELECT" }, { "a.t": "grant SELECT, INSERT" }])(
  "Check refuses %j, and names it",
  async (needed) => {
    changes = needed;
    const [name, change] = Object.entries(needed).at(-1) as [string, string];
    expect((await check()).failures).toEqual([
      {
        property: "",
        reason: expect.stringContaining(`not in the review: ${name} (${change}). The server has changed`),
      },
    ]);
  },
);

test("a change that another session causes between Check and apply is refused before it is applied", async () => {
  applied = 0;
  changes = { "a.t": "grant SELECT" };
  const { inputs } = await check();
  changes = { "a.t": "grant SELECT", "a.raced": "grant SELECT" };
  await expect(resource.create(call, { inputs, preview: false, timeout: 0 })).rejects.toThrow(
    "not in the review: a.raced",
  );
  const update = { id: "it", olds: news, oldInputs: news, news: inputs, preview: false, timeout: 0 };
  await expect(resource.update(call, update)).rejects.toThrow("not in the review: a.raced");
  expect(applied).toBe(0);
});

test("a resource that the review does not name must not change", () => {
  expect(() => refuseUnreviewed("another", { "a.t": "grant SELECT" })).toThrow("not in the review: a.t (grant SELECT)");
  refuseUnreviewed("another", {});
});

test.each([
  { "/srv/api.env": "user postgres -> user api_app", "container api-1": "nothing -> user api_app" },
  { "/srv/api.env": "user postgres, another password or address", "a.t": "grant SELECT" },
])("a value that the review could not know may be any: %j", (needed) => {
  refuseUnreviewed("restarted", needed);
});

test.each([
  ["a value that the review knew", { "a.t": "grant SELECT, INSERT" }],
  ["an object that the review does not list", { "container api-2": "user postgres -> user api_app" }],
  ["the known part of a change", { "/srv/api.env": "user api_admin -> user api_app" }],
])("beside a value that the review could not know, %s must not differ", (_, moved) => {
  const needed = { "/srv/api.env": "user postgres -> user api_app", "a.t": "grant SELECT", ...moved };
  const [[object, change]] = Object.entries(moved) as [[string, string]];
  expect(() => refuseUnreviewed("restarted", needed)).toThrow(`not in the review: ${object} (${change}). The server`);
});

test("without a review nothing is refused", async () => {
  const file = process.env[switches.reviewed];
  delete process.env[switches.reviewed];
  changes = { "a.any": "grant SELECT" };
  expect((await check()).failures).toBeUndefined();
  process.env[switches.reviewed] = file;
});
