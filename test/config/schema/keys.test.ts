import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allKeys } from "../../../config/schema/keys.ts";

test("docs/config.md has a row for every configuration key and no other", () => {
  const docs = readFileSync(new URL("../../../docs/config.md", import.meta.url), "utf8");
  const rows = [...docs.matchAll(/^\| `([\w.*]+)` \|/gm)].map(([, key]) => key);
  expect(rows.toSorted()).toEqual(allKeys().toSorted());
});
