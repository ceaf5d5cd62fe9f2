import { describe, expect, test } from "vitest";
import { parseObjectName, yamlName } from "../../../model/object-name.ts";
import { isMatched, isNamed } from "../../../provider/postgres/names.ts";

const quote = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);
const table = (schema: string, name: string) => {
  const identity = `${quote(schema)}.${quote(name)}`;
  return { key: identity, identity, schema, name, type: "table" };
};
const routine = (schema: string, name: string, types: string) => {
  const identity = `${quote(schema)}.${quote(name)}(${types})`;
  return { key: `function ${identity}`, identity, schema, name, type: "function" };
};

const hostile = [
  "Tab",
  "a.b",
  'q"q',
  '"',
  "it's",
  "sp ace",
  "v*",
  "w?",
  "ünï",
  "$1",
  "select",
  "f(x)",
  "a\nb",
  "\\",
  "type x",
];

describe.each(hostile)("a name such as %j", (name) => {
  test.each(hostile)("in the schema %j matches as the plan prints it, and in every quoted form", (schema) => {
    const object = table(schema, name);
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    for (const text of [object.key, `${quoted(schema)}.${quoted(name)}`, `table ${quoted(schema)}.${quoted(name)}`]) {
      expect(isNamed(text, object), text).toBe(true);
      expect(isMatched(text, object), text).toBe(false);
      expect(parseObjectName(text)?.schema, text).toBe(schema);
      for (const other of hostile.filter((one) => one !== name))
        expect(isNamed(text, table(schema, other))).toBe(false);
    }
  });
});

test.each([
  ['"Cap"."Tab"', true],
  ['Cap."Tab"', true],
  ['"Cap".Tab', true],
  ["Cap.Tab", true],
  ["cap.tab", false],
  ['"cap"."Tab"', false],
  ["view Cap.Tab", false],
])("%s means the table Tab in the schema Cap: %s", (text, isMeant) => {
  expect(isNamed(text, table("Cap", "Tab"))).toBe(isMeant);
});

test.each(["Cap.T*", '"Cap".T?b', '"Cap".*', "table Cap.*"])("the pattern %s matches the table Tab", (pattern) => {
  expect(isMatched(pattern, table("Cap", "Tab"))).toBe(true);
  expect(isMatched(pattern, table("cap", "Tab"))).toBe(false);
});

test("in quotes * and ? are literal", () => {
  expect(isMatched('"Cap"."T*"', table("Cap", "Tab"))).toBe(false);
  expect(isNamed('"Cap"."T*"', table("Cap", "T*"))).toBe(true);
});

test("a name with a dot does not match another object in another schema", () => {
  expect(isNamed("a.b.c", table("a", "b.c"))).toBe(true);
  expect(isNamed("a.b.c", table("a.b", "c"))).toBe(false);
});

test("a routine matches with and without its argument types and its kind", () => {
  const object = routine("Cap", "Do", "integer,text");
  for (const text of [
    "Cap.Do",
    'Cap."Do"(integer, text)',
    "Cap.Do(integer,text)",
    'function "Cap"."Do"(integer, text)',
  ]) {
    expect(isNamed(text, object), text).toBe(true);
  }
  for (const text of ["Cap.Do(text)", 'Cap."Do"()', "procedure Cap.Do"])
    expect(isNamed(text, object), text).toBe(false);
  for (const text of ["Cap.Do(*)", '"Cap"."Do"(integer,*)', "Cap.D*"]) expect(isMatched(text, object), text).toBe(true);
  expect(isMatched('"Cap"."Do"(text*)', object)).toBe(false);
});

test.each(["tab", "", ".tab", "Cap.", '"Cap.tab', 'Cap."tab', '"".t', 'Cap.""'])("%j is not a name", (text) => {
  expect(parseObjectName(text)).toBeUndefined();
});

test("a name is printed as valid YAML", () => {
  expect(yamlName("public.schema_migrations")).toBe("public.schema_migrations");
  expect(yamlName('"Cap"."Tab"')).toBe('"\\"Cap\\".\\"Tab\\""');
});
