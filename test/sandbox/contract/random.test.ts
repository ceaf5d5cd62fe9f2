import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PropertyMap, Secret, Unknown, unknown } from "../../../provider/rpc/values.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";
import { pluginCommand } from "./plugins.ts";
import { Resource } from "./resource.ts";

let plugin: PluginProcess;

beforeAll(async () => {
  plugin = await PluginProcess.start(pluginCommand("random"));
  expect((await plugin.checkConfig({})).failures).toEqual([]);
  await plugin.configure({});
});
afterAll(() => plugin.stop());

async function made(inputs: PropertyMap): Promise<Resource> {
  const bytes = new Resource(plugin, "random:index/randomBytes:RandomBytes");
  expect(await bytes.up(inputs)).toBe("create");
  return bytes;
}

describe("RandomBytes", () => {
  test("is made of as many bytes, secret in both forms, and its id is the base64 form", async () => {
    const { state, outputs } = await made({ length: 24 });
    expect(outputs.hex).toMatch(/^[0-9a-f]{48}$/);
    expect(Buffer.from(String(outputs.hex), "hex").toString("base64")).toBe(outputs.base64);
    expect(outputs.length).toBe(24);
    expect(state?.id).toBe(outputs.base64);
    expect(state?.outputs.hex).toBeInstanceOf(Secret);
    expect(state?.outputs.base64).toBeInstanceOf(Secret);
  });

  test("differs from the next", async () => {
    expect((await made({ length: 24 })).outputs.hex).not.toBe((await made({ length: 24 })).outputs.hex);
  });

  test("is not known in a preview", async () => {
    const bytes = new Resource(plugin, "random:index/randomBytes:RandomBytes");
    const { step, outputs } = await bytes.preview({ length: 24 });
    expect(step).toBe("create");
    const { hex } = outputs;
    expect(hex instanceof Secret ? hex.value : hex).toBeInstanceOf(Unknown);
  });

  test("stays the same over ups and refreshes", async () => {
    const bytes = await made({ length: 24, keepers: { role: "a" } });
    const before = bytes.outputs;
    await bytes.refresh();
    expect(await bytes.up({ length: 24, keepers: { role: "a" } })).toBe("same");
    expect(bytes.outputs).toEqual(before);
  });

  test.each([
    ["the length", { length: 32, keepers: { role: "a" } }],
    ["a keeper", { length: 24, keepers: { role: "b" } }],
    ["a keeper that is not known yet", { length: 24, keepers: { role: unknown } }],
    ["a new keeper", { length: 24, keepers: { role: "a", more: "b" } }],
    ["a keeper less", { length: 24 }],
  ])("is drawn anew when %s changes", async (_, inputs) => {
    const bytes = await made({ length: 24, keepers: { role: "a" } });
    expect((await bytes.preview(inputs)).step).toBe("replace");
  });

  test("is imported by its base64 form", async () => {
    const bytes = new Resource(plugin, "random:index/randomBytes:RandomBytes");
    await bytes.import("AQID");
    expect(bytes.outputs).toMatchObject({ length: 3, hex: "010203", base64: "AQID" });
    expect(await bytes.up({ length: 3 })).toBe("same");
  });

  test.each([
    ["no length", {}],
    ["no byte", { length: 0 }],
  ])("%s is refused", async (_, inputs) => {
    await expect(made(inputs as PropertyMap)).rejects.toThrow(/length/);
  });

  test("goes without a word", async () => {
    const bytes = await made({ length: 24 });
    await bytes.destroy();
    expect(bytes.state).toBeUndefined();
  });
});
