import { existsSync } from "node:fs";

// As bin/node-version.js says it, which a published pack cannot reach.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`app-roles needs Node 22.18 or later, found ${major}.${minor}`);
  process.exit(1);
}

const here = (file) => existsSync(new URL(file, import.meta.url));

// A published pack cannot reach ../model: prepack builds what it needs of both into built/; the package has it built beside this.
const pack = here("../model/budget.ts") ? "./pack.ts" : here("pack.js") ? "./pack.js" : "./built/policies/pack.js";
// The SDK takes the pack's version from the current directory, which is that of the program under review.
process.chdir(import.meta.dirname);
// Not awaited: it is require()d.
void import(pack);
