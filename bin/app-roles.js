#!/usr/bin/env node
// The repository runs its TypeScript; the package contains JavaScript, because Node strips no types below node_modules.
import { existsSync } from "node:fs";
import { nodeProblem } from "./node-version.js";

const problem = nodeProblem(process.versions.node);
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
const source = new URL("../cli/main.ts", import.meta.url);
await import(existsSync(source) ? source : new URL("../dist/cli/main.js", import.meta.url));
