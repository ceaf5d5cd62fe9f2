import { describe, expect, test } from "vitest";
import { ownerFor, unknownNames } from "../../../provider/ownership/moves.ts";
import type { OwnedObject } from "../../../provider/ownership/objects.ts";

const named = (name: string, more: Partial<OwnedObject> = {}): OwnedObject => ({
  key: `reporting.${name}`,
  type: "view",
  identity: `reporting.${name}`,
  schema: "reporting",
  name,
  owner: "postgres",
  isSuperusers: true,
  acl: null,
  columnAcls: {},
  sequences: [],
  timescale: undefined,
  jobs: [],
  depth: 0,
  ...more,
});

const goal = (keepOwner: Record<string, string>) => ({
  owner: "owner",
  schemas: ["reporting"],
  keepOwner,
  alsoOwn: [],
  roles: ["owner"],
});
const keeper = (keepOwner: Record<string, string>, object: OwnedObject) => ownerFor(goal(keepOwner), object);

describe("keepOwner", () => {
  test("matches any characters with * and one with ?", () => {
    const wanted = { "reporting.v_*": "reader", "reporting.m?": "other" };
    expect(keeper(wanted, named("v_trips"))).toBe("reader");
    expect(keeper(wanted, named("v_"))).toBe("reader");
    expect(keeper(wanted, named("m1"))).toBe("other");
    expect(keeper(wanted, named("mé"))).toBe("other");
    for (const name of ["m", "m12", "av_trips", "v"]) expect(keeper(wanted, named(name))).toBe("owner");
  });

  test("matches every other character literally", () => {
    expect(keeper({ "reporting.v.(a+b)|[c]$*": "reader" }, named("v.(a+b)|[c]$d"))).toBe("reader");
    expect(keeper({ "reporting.v.*": "reader" }, named("vx1"))).toBe("owner");
    expect(
      keeper({ "reporting.*": "reader" }, { ...named("x"), key: "reportingsx", identity: "reportingsx", schema: "s" }),
    ).toBe(undefined);
  });

  test("prefers an exact name, even with a star in it, then the longest pattern", () => {
    const wanted = { "reporting.*": "a", "reporting.v_*": "b", "reporting.v_trips": "c", "reporting.v_?*": "d" };
    expect(keeper(wanted, named("x"))).toBe("a");
    expect(keeper(wanted, named("v_"))).toBe("b");
    expect(keeper(wanted, named("v_2"))).toBe("d");
    expect(keeper(wanted, named("v_trips"))).toBe("c");
    expect(keeper({ "reporting.*": "a", "reporting.v*": "b" }, named("v*"))).toBe("b");
  });

  test("matches a routine by its signature", () => {
    const routine = named("f", {
      type: "function",
      identity: "reporting.f(integer)",
      key: "function reporting.f(integer)",
    });
    expect(keeper({ "function reporting.f(*)": "reader" }, routine)).toBe("reader");
    expect(keeper({ "reporting.f": "reader" }, routine)).toBe("reader");
  });

  test("reports a pattern that matches nothing", () => {
    expect(unknownNames(goal({ "reporting.v_*": "a", "reporting.w_*": "a" }), [named("v_trips")])).toEqual([
      "reporting.w_*",
    ]);
  });
});
