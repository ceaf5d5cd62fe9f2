import { compare } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PropertyMap, Secret, Unknown, unknown } from "../../../provider/rpc/values.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";
import { pluginCommand } from "./plugins.ts";
import { Resource } from "./resource.ts";

let plugin: PluginProcess;

beforeAll(async () => {
  plugin = await PluginProcess.start(pluginCommand("random"));
  expect((await plugin.checkConfig({})).failures).toEqual([]);
  await plugin.configure({}, "random");
});
afterAll(() => plugin.stop());

const bytesType = "random:index/randomBytes:RandomBytes";
const passwordType = "random:index/randomPassword:RandomPassword";

async function create(type: string, inputs: PropertyMap): Promise<Resource> {
  const resource = new Resource(plugin, type);
  expect(await resource.up(inputs)).toBe("create");
  return resource;
}

/** The behavior that both share, with inputs that both accept. */
describe.each([
  ["RandomBytes", bytesType, "hex"],
  ["RandomPassword", passwordType, "result"],
])("%s", (_, type, drawn) => {
  const created = (inputs: PropertyMap) => create(type, inputs);

  test("differs from the next one", async () => {
    expect((await created({ length: 24 })).outputs[drawn]).not.toBe((await created({ length: 24 })).outputs[drawn]);
  });

  test("is unknown in a preview", async () => {
    const { step, outputs } = await new Resource(plugin, type).preview({ length: 24 });
    expect(step).toBe("create");
    const value = outputs[drawn];
    expect(value instanceof Secret ? value.value : value).toBeInstanceOf(Unknown);
  });

  test("does not change in later ups and refreshes", async () => {
    const resource = await created({ length: 24, keepers: { role: "a" } });
    const before = resource.outputs;
    await resource.refresh();
    expect(await resource.up({ length: 24, keepers: { role: "a" } })).toBe("same");
    expect(resource.outputs).toEqual(before);
  });

  test.each([
    ["the length", { length: 32, keepers: { role: "a" } }],
    ["a keeper", { length: 24, keepers: { role: "b" } }],
    ["an unknown keeper", { length: 24, keepers: { role: unknown } }],
    ["a new keeper", { length: 24, keepers: { role: "a", more: "b" } }],
    ["one keeper less", { length: 24 }],
  ])("is replaced if %s changes", async (_, inputs) => {
    const resource = await created({ length: 24, keepers: { role: "a" } });
    expect((await resource.preview(inputs)).step).toBe("replace");
  });

  test.each([
    ["no length", {}],
    ["a length of 0", { length: 0 }],
  ])("%s is refused", async (_, inputs) => {
    await expect(created(inputs as PropertyMap)).rejects.toThrow(/length/);
  });

  test("is deleted without a message", async () => {
    const resource = await created({ length: 24 });
    await resource.destroy();
    expect(resource.state).toBeUndefined();
  });
});

describe("RandomBytes", () => {
  test("has the given number of bytes, is secret in both formats, and its id is the base64 format", async () => {
    const { state, outputs } = await create(bytesType, { length: 24 });
    expect(outputs.hex).toMatch(/^[0-9a-f]{48}$/);
    expect(Buffer.from(String(outputs.hex), "hex").toString("base64")).toBe(outputs.base64);
    expect(outputs.length).toBe(24);
    expect(state?.id).toBe(outputs.base64);
    expect(state?.outputs.hex).toBeInstanceOf(Secret);
    expect(state?.outputs.base64).toBeInstanceOf(Secret);
  });

  test("is imported by its base64 format", async () => {
    const bytes = new Resource(plugin, bytesType);
    await bytes.import("AQID");
    expect(bytes.outputs).toMatchObject({ length: 3, hex: "010203", base64: "AQID" });
    expect(await bytes.up({ length: 3 })).toBe("same");
  });
});

describe("RandomPassword", () => {
  const created = (inputs: PropertyMap) => create(passwordType, inputs);
  const result = async (inputs: PropertyMap) => String((await created(inputs)).outputs.result);

  test("is secret, as is its bcrypt hash, and its id is constant", async () => {
    const { state, outputs } = await created({ length: 24 });
    expect(state?.id).toBe("none");
    expect(state?.outputs.result).toBeInstanceOf(Secret);
    expect(state?.outputs.bcryptHash).toBeInstanceOf(Secret);
    expect(outputs.bcryptHash).toMatch(/^\$2a\$10\$/);
    expect(await compare(String(outputs.result), String(outputs.bcryptHash))).toBe(true);
  });

  test("consists of letters, digits and special characters by default", async () => {
    const { outputs } = await created({ length: 24 });
    expect(outputs.result).toMatch(/^[A-Za-z0-9!@#$%&*()\-_=+[\]{}<>:?]{24}$/);
    expect(outputs).toMatchObject({
      id: "none",
      length: 24,
      lower: true,
      upper: true,
      numeric: true,
      number: true,
      special: true,
      minLower: 0,
      minUpper: 0,
      minNumeric: 0,
      minSpecial: 0,
    });
  });

  // Long enough to contain every allowed kind, except once in 10^20 runs.
  test.each<[string, RegExp, PropertyMap]>([
    ["everything except lower case letters", /^(?=.*[A-Z])(?=.*\d)(?=.*[^A-Za-z0-9])[^a-z]{512}$/, { lower: false }],
    ["everything except upper case letters", /^(?=.*[a-z])(?=.*\d)(?=.*[^A-Za-z0-9])[^A-Z]{512}$/, { upper: false }],
    ["everything except digits", /^(?=.*[a-z])(?=.*[A-Z])(?=.*[^A-Za-z0-9])\D{512}$/, { numeric: false }],
    [
      "everything except digits, by its deprecated name",
      /^(?=.*[a-z])(?=.*[A-Z])(?=.*[^A-Za-z0-9])\D{512}$/,
      { number: false },
    ],
    ["everything except special characters", /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9]{512}$/, { special: false }],
    ["the given special characters", /^(?=.*é)(?=.*~)[A-Za-z0-9é~]{512}$/, { overrideSpecial: "é~" }],
    [
      "the default special characters if overrideSpecial is empty",
      /^(?=.*[^A-Za-z0-9])[^~]{512}$/,
      { overrideSpecial: "" },
    ],
    [
      "letters and digits if special is false, whatever overrideSpecial is",
      /^[A-Za-z0-9]{512}$/,
      { overrideSpecial: "~", special: false },
    ],
    [
      "only special characters, which can be hex digits",
      /^(?=.*0)(?=.*f)[0-9a-f]{512}$/,
      { overrideSpecial: "0123456789abcdef", lower: false, upper: false, numeric: false },
    ],
  ])("consists of %s", async (_, form, inputs) => {
    expect(await result({ length: 512, ...inputs })).toMatch(form);
  });

  test("has the minimum of each kind, at random positions", async () => {
    const inputs = { length: 40, upper: false, minUpper: 10, minLower: 10, minNumeric: 10, minSpecial: 10 };
    const drawn = await result(inputs);
    for (const kind of [/[a-z]/g, /[A-Z]/g, /\d/g, /[^A-Za-z0-9]/g]) expect(drawn.match(kind)).toHaveLength(10);
    const kinds = (password: string) => password.replace(/[a-z]/g, "a").replace(/[A-Z]/g, "A").replace(/\d/g, "0");
    const special = (password: string) => kinds(password).replace(/[^aA0]/g, "-");
    expect(special(await result(inputs))).not.toBe(special(drawn));
  });

  test("longer than 72 bytes has a hash of its first 72 bytes", async () => {
    const { outputs } = await created({ length: 100 });
    expect(await compare(String(outputs.result).slice(0, 72), String(outputs.bcryptHash))).toBe(true);
  });

  test.each<[string, PropertyMap]>([
    ["lower", { lower: false }],
    ["upper", { upper: false }],
    ["numeric", { numeric: false }],
    ["number", { number: false }],
    ["special", { special: false }],
    ["minLower", { minLower: 1 }],
    ["minUpper", { minUpper: 1 }],
    ["minNumeric", { minNumeric: 1 }],
    ["minSpecial", { minSpecial: 1 }],
    ["overrideSpecial", { overrideSpecial: "~" }],
    ["an empty overrideSpecial", { overrideSpecial: "" }],
  ])("is replaced if %s is added", async (_, inputs) => {
    const password = await created({ length: 24 });
    const before = password.outputs.result;
    expect(await password.up({ length: 24, ...inputs })).toBe("replace");
    expect(password.outputs.result).not.toBe(before);
  });

  test("does not change if a default is declared, or the deprecated name used", async () => {
    const password = await created({ length: 24, numeric: false });
    expect(await password.up({ length: 24, number: false, special: true, minLower: 0 })).toBe("same");
  });

  test("is kept if an empty overrideSpecial is removed", async () => {
    const password = await created({ length: 24, overrideSpecial: "" });
    const before = password.outputs;
    expect((await password.preview({ length: 24 })).step).toBe("update");
    expect(await password.up({ length: 24 })).toBe("update");
    expect(password.outputs).toMatchObject({ result: before.result, bcryptHash: before.bcryptHash });
    expect(password.state?.outputs.result).toBeInstanceOf(Secret);
    expect(await password.up({ length: 24 })).toBe("same");
    expect(await password.up({ length: 24, overrideSpecial: "~" })).toBe("replace");
    expect(await password.up({ length: 24 })).toBe("replace");
  });

  test("is imported from its id, which is not stored", async () => {
    const password = new Resource(plugin, passwordType);
    await password.import("supersecret é");
    expect(password.state).toMatchObject({
      id: "none",
      inputs: { length: 14, lower: true, upper: true, numeric: true, number: true, special: true },
    });
    expect(password.outputs).toMatchObject({ result: "supersecret é", length: 14, minLower: 0 });
    expect(await compare("supersecret é", String(password.outputs.bcryptHash))).toBe(true);
    expect(await password.up({ length: 14 })).toBe("same");
  });

  test.each<[string, PropertyMap]>([
    ["length", { length: 3, minLower: 2, minSpecial: 2 }],
    ["numeric", { length: 24, numeric: false, lower: false, upper: false, special: false }],
    ["number", { length: 24, number: false, lower: false, upper: false, special: false }],
    ["number", { length: 24, number: false, numeric: true }],
    ["lower", { length: 24, lower: "some" }],
  ])("with an invalid %s is refused", async (property, inputs) => {
    await expect(created(inputs)).rejects.toThrow(new RegExp(property, "i"));
  });
});
