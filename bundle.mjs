/**
 * `npm ci` runs this in the repository (`prepare`). It bundles the program, the plugin and the policy pack into dist/bundle/: Node
 * loads a bundle in half the CPU time of two hundred TypeScript files. bin/bundle.js uses a bundle only while the files it was made
 * from are unchanged. The npm package has no bundle.
 */
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleOr } from "./bin/bundle.js";

const root = import.meta.dirname;
const bundles = { program: "index.ts", plugin: "provider/main.ts", policies: "policies/pack.ts" };

// npx runs this too, perhaps during an up: the plugin loads parts of a current bundle later, so it stays as it is.
const missing = Object.entries(bundles).filter(([name]) => !bundleOr(pathToFileURL(`${root}/`), name, undefined));
try {
  const { rolldown } = await import("rolldown");
  for (const [name, input] of missing) await bundle(rolldown, name, input);
} catch (error) {
  // Without development dependencies there is no bundler; the TypeScript runs as well, only slower.
  for (const [name] of missing) rmSync(join(root, "dist/bundle", name), { recursive: true, force: true });
  console.error(`The program, the plugin and the policy pack run unbundled: ${error.message.split("\n")[0]}`);
}

async function bundle(rolldown, name, input) {
  // The SDK must be the one that Pulumi runs the program with. libpg-query finds its WebAssembly next to its own file.
  const external = [/^node:/, "libpg-query", ...(name === "plugin" ? [] : [/^@pulumi\//])];
  const build = await rolldown({ input: join(root, input), platform: "node", external, logLevel: "silent" });
  const dir = join(root, "dist/bundle", name);
  rmSync(join(dir, "manifest.json"), { force: true });
  const { output } = await build.write({ dir, format: "esm", entryFileNames: "main.js", cleanDir: true });
  const sources = output
    .flatMap(({ moduleIds = [] }) => moduleIds)
    .filter((file) => file.startsWith(root) && !file.includes("node_modules"))
    .map((file) => relative(root, file));
  const files = [...new Set([...sources, "bundle.mjs", "package-lock.json"])].map((file) => [
    file,
    statSync(join(root, file)),
  ]);
  const manifest = Object.fromEntries(files.map(([file, { mtimeMs, size }]) => [file, [mtimeMs, size]]));
  writeFileSync(join(dir, "manifest.json"), JSON.stringify(manifest));
  await build.close();
}
