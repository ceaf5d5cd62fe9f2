import { readFileSync, statSync } from "node:fs";

/**
 * The module to load: the bundle `name` below `root` (see bundle.mjs) if it was made from the present files, else `source`.
 *
 * @param {URL} root
 * @param {"program" | "plugin" | "policies"} name
 * @param {URL} source
 */
export function bundleOr(root, name, source) {
  const bundle = new URL(`dist/bundle/${name}/`, root);
  try {
    const manifest = JSON.parse(readFileSync(new URL("manifest.json", bundle), "utf8"));
    const isCurrent = Object.entries(manifest).every(([file, [modified, size]]) => {
      const found = statSync(new URL(file, root));
      return found.mtimeMs === modified && found.size === size;
    });
    return isCurrent ? new URL("main.js", bundle) : source;
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return source;
    throw error;
  }
}
