import { expect, test } from "vitest";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import {
  linesOf,
  SharedReads,
  type Warning,
  type WarningKind,
  warningsOf,
} from "../../../provider/warnings/warning.ts";

const warning = (object: string, more: Partial<Warning> = {}): Warning => ({
  object,
  what: "it breaks",
  remedy: "fix it",
  ...more,
});

test("a warning is one line: the object, what breaks, the remedy", () => {
  expect(linesOf([warning("app.t")])).toEqual(["app.t: it breaks. Remedy: fix it"]);
});

test("objects with the same text share a line: five names and a count of the rest", () => {
  expect(linesOf([..."abcdefg"].map((name) => warning(name)))).toEqual([
    "a, b, c, d, e and 2 more: it breaks. Remedy: fix it",
  ]);
});

test("a kind has at most ten lines and a count of the rest", () => {
  const lines = linesOf([...Array(13).keys()].map((n) => warning(`t${n}`, { what: `it breaks ${n}` })));
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe("and 3 more like these: t10, t11, t12");
});

test("a name with a line end stays on its line", () => {
  expect(linesOf([warning('app."a\nb\u001b[31m"')])).toEqual(['app."a\\x0ab\\x1b[31m": it breaks. Remedy: fix it']);
});

test("a kind that cannot be read becomes a warning, and the others are found anyway", async () => {
  const failing: WarningKind<object> = {
    name: "odd views",
    find: () => Promise.reject(Object.assign(new Error("permission denied for table x"), { code: "42501" })),
  };
  const working: WarningKind<object> = { name: "odd tables", find: async () => [warning("app.t")] };
  expect(await warningsOf({} as Queryable, {}, [failing, working])).toEqual([
    "could not check for odd views: permission denied for table x (42501)",
    "app.t: it breaks. Remedy: fix it",
  ]);
});

test("a shared read is made once, and again after it failed", async () => {
  const reads = new SharedReads();
  let made = 0;
  const read = async () => {
    made++;
    if (made === 1) throw new Error("the first time");
    return made;
  };
  await expect(reads.once({} as Queryable, read)).rejects.toThrow("the first time");
  expect(await reads.once({} as Queryable, read)).toBe(2);
  expect(await reads.once({} as Queryable, read)).toBe(2);
});
