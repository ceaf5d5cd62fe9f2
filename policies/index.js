import { existsSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// The same check as bin/node-version.js, which a published pack cannot import.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`app-roles needs Node 22.18 or later, found ${major}.${minor}`);
  process.exit(1);
}

const here = (file) => existsSync(new URL(file, import.meta.url));

// The SDK reads the pack's version from the current directory, which is that of the program under review.
process.chdir(import.meta.dirname);
// The same folder as bin/compile-cache.js.
module.enableCompileCache(join(homedir(), ".cache", "app-roles", "compile-cache"));
// Not awaited, because this file is loaded with require().
void load();

async function load() {
  // A published pack cannot import ../model or ../bin, so prepack builds all of it into built/; the npm package has pack.js here.
  if (!here("../model/budget.ts")) return await import(here("pack.js") ? "./pack.js" : "./built/policies/pack.js");
  await import("../bin/lazy-modules.js");
  const { bundleOr } = await import("../bin/bundle.js");
  return await import(bundleOr(new URL("..", import.meta.url), "policies", new URL("pack.ts", import.meta.url)));
}
