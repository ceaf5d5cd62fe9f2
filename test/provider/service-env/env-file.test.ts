import { describe, expect, test } from "vitest";
import { readValue, withoutKey, withValue } from "../../../provider/service-env/env-file.ts";

const key = "DATABASE_URL";

describe("a value is read as compose reads it", () => {
  test.each([
    ["DATABASE_URL=postgres://a:b@h/d", "postgres://a:b@h/d"],
    ["A=1\r\nexport DATABASE_URL=x\r\n", "x"],
    ["  DATABASE_URL = x  # main\n", "x"],
    ["DATABASE_URL=a#b\n", "a#b"],
    ["DATABASE_URL='a $b # c' # d\n", "a $b # c"],
    ['DATABASE_URL="a b"\n', "a b"],
    ["\uFEFFDATABASE_URL=x", "x"],
    ["DATABASE_URL=\n", undefined],
    ["DATABASE_URL='' # none\n", undefined],
    ["# DATABASE_URL=x\nDATABASE_URL_OLD=y\nMY_DATABASE_URL=z\nDATABASE_URL-X=a\n", undefined],
    ["", undefined],
    ["DATABASE_URL=pässword", "pässword"],
  ])("%j", (text, value) => {
    expect(readValue(Buffer.from(text).toString("latin1"), key)).toBe(value);
  });
});

describe("a value is written", () => {
  test.each([
    ["in its own quotes", 'DATABASE_URL="old" # main\n', "new", 'DATABASE_URL="new" # main\n'],
    ["bare where it was bare", "export DATABASE_URL = old # x\r\nB=2", "new", "export DATABASE_URL = new # x\r\nB=2"],
    ["in quotes when it needs them", "DATABASE_URL=old\n", "a$b c#d", "DATABASE_URL='a$b c#d'\n"],
    ["in others than it had when those do not fit", 'DATABASE_URL="old"\n', "a$b", "DATABASE_URL='a$b'\n"],
    ["around a quote", "DATABASE_URL='old'\n", "it's", 'DATABASE_URL="it\'s"\n'],
    ["into an empty line", "DATABASE_URL=\nB=2\n", "new", "DATABASE_URL=new\nB=2\n"],
    ["on a line of its own", "A=1\r\n", "new", "A=1\r\nDATABASE_URL=new\r\n"],
    ["behind a line without its end", "A=1", "new", "A=1\nDATABASE_URL=new"],
    ["into an empty file", "", "new", "DATABASE_URL=new\n"],
  ])("%s", (_, text, value, expected) => {
    expect(withValue(text, key, value)).toBe(expected);
    expect(readValue(expected, key)).toBe(value);
  });

  test("and all other bytes are kept, even if they are not text", () => {
    const others = "# caf\u00e9\r\nA='x\u00ff'\n\n\tB=$C # d\rE=\u0000";
    const text = `${others}\nDATABASE_URL=old`;
    expect(withValue(text, key, "new")).toBe(`${others}\nDATABASE_URL=new`);
    expect(withoutKey(`DATABASE_URL=old\r\n${others}`, key)).toBe(others);
    expect(withoutKey(`${others}\nDATABASE_URL=old`, key)).toBe(`${others}\n`);
  });

  test("cutover and rollback leave the file unchanged, byte for byte", () => {
    const text = "\uFEFFA=1\r\n export DATABASE_URL='postgres://a:$b@h/d' # main\r\nC=\"d\"";
    const latin1 = Buffer.from(text).toString("latin1");
    const there = withValue(latin1, key, "postgres://role:0123abcd@h/d");
    expect(there).not.toBe(latin1);
    expect(withValue(there, key, "postgres://a:$b@h/d")).toBe(latin1);
  });
});

test.each([
  ["A=1\nDATABASE_URL=x\nexport DATABASE_URL=y\n", /it has DATABASE_URL 2 times; keep one of the lines/],
  ["DATABASE_URL='x\n", /line 1 does not close its quote/],
  ["A=1\nDATABASE_URL\n", /line 2 has DATABASE_URL without a value/],
  ["DATABASE_URL: x\n", /line 1 has DATABASE_URL without a value/],
  ['DATABASE_URL="a\\"b"\n', /line 1 has a backslash in quotes/],
  ["DATABASE_URL='a'b\n", /line 1 has text after its closing quote/],
])("refuses ambiguous lines, without the value: %j", (text, message) => {
  expect(() => readValue(text, key)).toThrow(message);
  expect(() => withValue(text, key, "new")).toThrow(message);
});

test("refuses a value that cannot be quoted", () => {
  expect(() => withValue("", key, "a'b\"c")).toThrow(/percent-encode/);
});
