import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { describe, expect, test } from "vitest";
import { fromStruct, marshal, toStruct, unmarshal } from "../../../provider/rpc/marshal.ts";
import { type PropertyMap, type PropertyValue, Secret, unknown } from "../../../provider/rpc/values.ts";

const signatureKey = "4dabf18193072939515e22adb298388d";

/** Over the wire and back. */
function roundTrip(properties: PropertyMap): PropertyMap {
  return unmarshal(marshal(properties));
}

/** A message as another process creates it: plain JSON with signatures. */
function fromWire(json: Record<string, struct.JavaScriptValue>): PropertyMap {
  return fromStruct(struct.Struct.fromJavaScript(json));
}

describe("round trips", () => {
  const keys = ["", "a.b", 'q"[0]', "constructor", "toString", "hasOwnProperty", "ключ", "\u0000", "$", "__defaults"];

  /** A small generator of numbers, so that a failing seed can be run again. */
  function dice(seed: number): (sides: number) => number {
    let state = seed;
    return (sides) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return Math.floor((state / 2147483648) * sides);
    };
  }

  function value(roll: (sides: number) => number, depth: number): PropertyValue {
    const leaves: PropertyValue[] = [null, true, false, 0, -1.5, 2 ** 53 - 1, "", "text", "💥", unknown];
    const kind = roll(depth > 0 ? 6 : 3);
    if (kind === 3) return new Secret(value(roll, depth - 1));
    if (kind === 4) return Array.from({ length: roll(4) }, () => value(roll, depth - 1));
    if (kind === 5) return map(roll, depth - 1);
    return leaves[roll(leaves.length)] ?? null;
  }

  function map(roll: (sides: number) => number, depth: number): PropertyMap {
    return Object.fromEntries(
      Array.from({ length: roll(5) }, () => [keys[roll(keys.length)], value(roll, depth)]),
    ) as PropertyMap;
  }

  test.each(Array.from({ length: 200 }, (_, seed) => seed + 1))("seed %i", (seed) => {
    const properties = map(dice(seed), 4);
    expect(roundTrip(properties)).toEqual(properties);
    // Through the library's own reader and writer.
    expect(fromStruct(toStruct(properties))).toEqual(properties);
  });

  test("marks keep their class at any depth", () => {
    const back = roundTrip({ list: [{ deep: new Secret({ inner: new Secret(unknown) }) }] });
    const [{ deep }] = back.list as [{ deep: Secret }];
    expect(deep).toBeInstanceOf(Secret);
    expect((deep.value as PropertyMap).inner).toBeInstanceOf(Secret);
    expect(((deep.value as PropertyMap).inner as Secret).value).toBe(unknown);
  });

  test.each([1000, 1020, 1024, 2047, 100_000])("a map of more than one buffer, %i bytes", (length) => {
    const properties = {
      first: "é".repeat(length / 2),
      second: [1, 2.5],
      third: { deep: "x".repeat(length) },
      last: true,
    };
    expect(roundTrip(properties)).toEqual(properties);
    expect(fromStruct(toStruct(properties))).toEqual(properties);
  });

  test("the order of keys does not depend on the sender", () => {
    const sent = { b: 1, a: { z: 1, y: [{ d: 1, c: 2 }] }, B: 3 };
    expect(JSON.stringify(roundTrip(sent))).toBe('{"B":3,"a":{"y":[{"c":2,"d":1}],"z":1},"b":1}');
  });

  test("an undefined property is absent", () => {
    expect(roundTrip({ given: 1, left: undefined as never })).toEqual({ given: 1 });
  });
});

describe("values from other processes", () => {
  test("no message is an empty map", () => {
    expect(unmarshal(undefined)).toEqual({});
  });

  test.each([
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
  ])("%s is unknown", (mark) => {
    expect(fromWire({ a: mark }).a).toBe(unknown);
  });

  const outputValue = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
  test.each([
    ["known", { value: 5 }, 5],
    ["without a value", {}, unknown],
    ["secret", { value: "x", secret: true }, new Secret("x")],
    ["secret without a value", { secret: true }, new Secret(unknown)],
    ["with dependencies", { value: null, secret: false, dependencies: ["urn:x"] }, null],
  ])("an output value %s", (_, output, expected) => {
    expect(fromWire({ a: { [signatureKey]: outputValue, ...output } }).a).toEqual(expected);
  });

  const reference = "5cf8f73096256a8f31e491e813e4eb8e";
  test.each([
    ["of a custom resource is its id", { urn: "urn:x", id: "i-1" }, "i-1"],
    ["not created yet is unknown", { urn: "urn:x", id: "" }, unknown],
    ["of a component is its URN", { urn: "urn:x" }, "urn:x"],
  ])("a reference %s", (_, resource, expected) => {
    expect(fromWire({ a: { [signatureKey]: reference, ...resource } }).a).toEqual(expected);
  });

  test.each([
    ["asset", "c44067f5952c0a294b673a41bacd8c17", /a\[1\]\.b is a file/],
    ["archive", "0def7320c3a5731c473e5ecbe6d01bc7", /a\[1\]\.b is a file/],
    ["bytes", "803fd3297a5875dc03ca845dda5d2a98", /a\[1\]\.b has bytes/],
    ["unknown signature", "beef", /a\[1\]\.b has a signature this provider does not know: beef/],
  ])("%s is refused with its path", (_, signature, message) => {
    expect(() => fromWire({ a: [0, { b: { [signatureKey]: signature, text: "x" } }] })).toThrow(message);
  });
});

test("the name that the protobuf library would drop is refused", () => {
  const hostile = JSON.parse('{"in": {"__proto__": 1}}') as PropertyMap;
  expect(() => marshal(hostile)).toThrow(/"__proto__" cannot be used/);
});
