/**
 * Installs the project's packages if they are missing or outdated, so that a fresh clone does not need `npm ci`. It is the
 * pre-script of the npm scripts that need packages. It is plain JavaScript for Node 18 and later, since the packages
 * include the Node that the rest of the project needs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** The packages in a lock file by path, such as `node_modules/pg`. Empty if the file does not exist. */
function packagesIn(lockFile) {
  const file = join(root, lockFile);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

/**
 * Compares the lock file with npm's record of the installed packages. npm writes the record last, so an interrupted
 * installation has none. Optional packages for other platforms may be missing.
 */
function isInstalled() {
  const installed = packagesIn("node_modules/.package-lock.json");
  return Object.entries(packagesIn("package-lock.json"))
    .filter(([path]) => path !== "")
    .every(([path, { version, optional }]) => installed[path]?.version === version || (optional && !installed[path]));
}

/** Whether the Node from the package `node` runs. */
function hasPinnedNode() {
  return spawnSync(join(root, "node_modules/.bin/node"), ["--version"]).status === 0;
}

if (!isInstalled() || !hasPinnedNode()) {
  console.error("setup: installing the project's packages (npm ci), once");
  // Runs npm with its own Node, since npm ci deletes the Node in node_modules.
  const npm = process.env.npm_execpath;
  // Hides warnings that this machine's Node is too old: the packages include their own Node.
  const ci = ["ci", "--loglevel=error"];
  const [command, args] = npm ? [process.env.npm_node_execpath ?? process.execPath, [npm, ...ci]] : ["npm", ci];
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) fail(`npm could not be started: ${error.message}`);
  if (status !== 0)
    fail("npm ci failed (see above). It needs the npm registry: run the command again when the registry is reachable.");
  if (!hasPinnedNode()) {
    fail("the pinned Node (package `node`) does not run: run npm ci --ignore-scripts=false");
  }
}
