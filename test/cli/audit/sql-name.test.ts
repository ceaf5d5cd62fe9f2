import { expect, test } from "vitest";
import { inOneLine, sqlName } from "../../../cli/audit/sql-name.ts";

test("a name with control characters is written with Unicode escapes, any other as it is", () => {
  expect(sqlName('a "b"')).toBe('"a ""b"""');
  expect(sqlName("new\nline\\1\t")).toBe('U&"new\\000aline\\\\1\\0009"');
  expect(inOneLine('app."a\n""b""".t, "c"')).toBe('app.U&"a\\000a""b""".t, "c"');
});
