/**
 * `npm ci` runs this in the repository. It bundles the program, the plugin and the policy pack into dist/bundle/: Node loads a bundle
 * in half the CPU time of two hundred TypeScript files. bin/bundle.js uses a bundle only while the files it was made from are
 * unchanged. The npm package has no bundle.
 */
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const root = import.meta.dirname;
const bundles = { program: "index.ts", plugin: "provider/main.ts", policies: "policies/pack.ts" };

rmSync(join(root, "dist/bundle"), { recursive: true, force: true });
try {
  const { rolldown } = await import("rolldown");
  for (const [name, input] of Object.entries(bundles)) await bundle(rolldown, name, input);
} catch (error) {
  // Without development dependencies there is no bundler; the TypeScript runs as well, only slower.
  rmSync(join(root, "dist/bundle"), { recursive: true, force: true });
  console.error(`The program, the plugin and the policy pack run unbundled: ${error.message.split("\n")[0]}`);
}

async function bundle(rolldown, name, input) {
  // The SDK must be the one that Pulumi runs the program with. libpg-query finds its WebAssembly next to its own file.
  const external = [/^node:/, "libpg-query", ...(name === "plugin" ? [] : [/^@pulumi\//])];
  const build = await rolldown({ input: join(root, input), platform: "node", external, logLevel: "silent" });
  const dir = join(root, "dist/bundle", name);
  const { output } = await build.write({ dir, format: "esm", entryFileNames: "main.js", cleanDir: true });
  const sources = output
    .flatMap(({ moduleIds = [] }) => moduleIds)
    .filter((file) => file.startsWith(root) && !file.includes("node_modules"))
    .map((file) => relative(root, file));
  const files = [...new Set([...sources, "package-lock.json"])].map((file) => [file, statSync(join(root, file))]);
  const manifest = Object.fromEntries(files.map(([file, { mtimeMs, size }]) => [file, [mtimeMs, size]]));
  writeFileSync(join(dir, "manifest.json"), JSON.stringify(manifest));
  await build.close();
}
