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

// A published pack cannot import ../model, so prepack builds both into built/; the npm package has them next to this file.
const pack = here("../model/budget.ts") ? "./pack.ts" : here("pack.js") ? "./pack.js" : "./built/policies/pack.js";
// The SDK reads the pack's version from the current directory, which is that of the program under review.
process.chdir(import.meta.dirname);
// The same folder as bin/compile-cache.js.
module.enableCompileCache(join(homedir(), ".cache", "app-roles", "compile-cache"));
// Not awaited, because this file is loaded with require().
void import(pack);
