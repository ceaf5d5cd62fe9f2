import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bundleOr } from "../../bin/bundle.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "app-roles-bundle-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A bundle that was made from the present index.ts. */
function makeBundle(): void {
  writeFileSync(join(dir, "index.ts"), "export {};\n");
  mkdirSync(join(dir, "dist/bundle/program"), { recursive: true });
  const { mtimeMs, size } = statSync(join(dir, "index.ts"));
  writeFileSync(join(dir, "dist/bundle/program/manifest.json"), JSON.stringify({ "index.ts": [mtimeMs, size] }));
}

function loaded(): string {
  const root = pathToFileURL(`${dir}/`);
  return bundleOr(root, "program", new URL("index.ts", root)).href.slice(root.href.length);
}

test("a bundle of the present files is loaded", () => {
  makeBundle();
  expect(loaded()).toBe("dist/bundle/program/main.js");
});

test("without a bundle the source is loaded", () => {
  expect(loaded()).toBe("index.ts");
});

test("a changed source is loaded", () => {
  makeBundle();
  writeFileSync(join(dir, "index.ts"), "export const changed = 1;\n");
  expect(loaded()).toBe("index.ts");
});

test("after a source was removed the sources are loaded", () => {
  makeBundle();
  rmSync(join(dir, "index.ts"));
  expect(loaded()).toBe("index.ts");
});
