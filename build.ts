/**
 * `npm run build` writes the npm package's JavaScript and types to dist/, since Node does not strip types in node_modules.
 * The repository itself does not use dist/. dist/provider contains the plugin, dist/policies the policy pack.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

process.chdir(import.meta.dirname);
// All but the repository's own bundles (bundle.mjs), which a plugin may be running from.
for (const entry of existsSync("dist") ? readdirSync("dist") : []) {
  if (entry !== "bundle") rmSync(`dist/${entry}`, { recursive: true, force: true });
}
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });

const plugin = readFileSync("provider/pulumi-resource-pgaccess", "utf8").replace(".ts", ".js");
writeFileSync("dist/provider/pulumi-resource-pgaccess", plugin, { mode: 0o755 });

mkdirSync("dist/bin");
for (const file of ["bundle.js", "compile-cache.js", "node-version.js", "require-node.js", "timing.js"])
  cpSync(`bin/${file}`, `dist/bin/${file}`);

for (const file of ["index.js", "package.json", "PulumiPolicy.yaml"])
  cpSync(`policies/${file}`, `dist/policies/${file}`);
