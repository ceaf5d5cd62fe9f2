import { describe, expect, test } from "vitest";
import type { SettingRule } from "../../../provider/settings/settings.ts";
import { parseSetting, sameSetting, splitNameList } from "../../../provider/settings/values.ts";

const rule = (more: Partial<SettingRule>): SettingRule => ({
  name: "x",
  vartype: "integer",
  unit: null,
  min: "-1",
  max: "2147483647",
  values: null,
  context: "user",
  ...more,
});

describe("numbers", () => {
  test.each([
    ["ms", "30min", "1800000"],
    ["ms", "0.5h", "1800s"],
    ["ms", "1d", "24h"],
    ["ms", " 5 s ", "5000"],
    ["s", "2500ms", "3"],
    ["min", "1d", "1440"],
    ["kB", "64MB", "65536"],
    ["kB", "1.5GB", "1572864"],
    ["8kB", "1GB", "131072"],
    ["8kB", "16kB", "2"],
    ["MB", "1TB", "1048576"],
    ["B", "1kB", "1024"],
    [null, "1e2", "100"],
    [null, "+4", "4"],
    ["ms", "-1", "-1"],
  ])("in %s, %s equals %s", (unit, a, b) => {
    expect(sameSetting("x", rule({ unit }), a, b)).toBe(true);
  });

  test.each([
    ["ms", "30min", "30"],
    ["ms", "1min", "1h"],
    ["kB", "64MB", "64"],
    ["kB", "64MB", "64mb"],
  ])("in %s, %s does not equal %s", (unit, a, b) => {
    expect(sameSetting("x", rule({ unit }), a, b)).toBe(false);
  });

  test.each([
    ["ms", "30MB"],
    ["kB", "30min"],
    [null, "30s"],
    ["ms", "constructor"],
    ["ms", "1constructor"],
    ["ms", ""],
    ["ms", "0100"],
    ["ms", "1 2"],
    ["ms", "-2"],
    ["ms", "25d"],
  ])("in %s, %s is refused", (unit, value) => {
    expect(parseSetting("x", rule({ unit }), value)).toHaveProperty("problem");
  });

  test("real numbers are not rounded", () => {
    const real = rule({ vartype: "real", unit: "ms", min: "0", max: "100" });
    expect(sameSetting("x", real, "1.5ms", "1500us")).toBe(true);
    expect(sameSetting("x", real, "1.5", "2")).toBe(false);
  });
});

describe("booleans and choices", () => {
  test.each(["on", "ON", "true", "t", "yes", "y", "1"])("%s is on", (value) => {
    expect(parseSetting("x", rule({ vartype: "bool" }), value)).toEqual({ canonical: "on" });
  });
  test.each(["off", "of", "False", "n", "0"])("%s is off", (value) => {
    expect(parseSetting("x", rule({ vartype: "bool" }), value)).toEqual({ canonical: "off" });
  });
  test.each(["o", "", "2", "onn"])("%s is neither", (value) => {
    expect(parseSetting("x", rule({ vartype: "bool" }), value)).toHaveProperty("problem");
  });
  test("a choice is accepted in any case, as are other words for on and off where those are choices", () => {
    const choice = rule({ vartype: "enum", values: ["local", "on", "off"] });
    expect(sameSetting("x", choice, "LOCAL", "local")).toBe(true);
    expect(sameSetting("x", choice, "true", "on")).toBe(true);
    expect(parseSetting("x", rule({ vartype: "enum", values: ["all", "none"] }), "true")).toHaveProperty("problem");
  });
});

test("lists of names fold as identifiers do", () => {
  expect(splitNameList('"$user", Public ,"a ""b"", c"')).toEqual(["$user", "public", 'a "b", c']);
  expect(splitNameList("")).toEqual([]);
  for (const bad of ['"open', "a,,b", "a,", "a b"]) expect(splitNameList(bad)).toBeUndefined();
});
