/**
 * Installs the project's packages when `npm run` finds them missing or out of date, so that a fresh clone needs no
 * `npm ci` first. Runs as the pre-script of the npm scripts that need packages; plain JavaScript, since the machine's
 * own Node may be too old (18 and up will do) to run the rest: the packages bring the Node that does.
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

/** The packages of a lock file by their path, `node_modules/pg`; an empty object when there is no such file. */
function packagesIn(lockFile) {
  const file = join(root, lockFile);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

/**
 * Compares the lock file with npm's own record of what it put into node_modules, which npm writes last:
 * an installation that was cut off has none. Optional packages may be absent: they are for other platforms.
 */
function isInstalled() {
  const installed = packagesIn("node_modules/.package-lock.json");
  return Object.entries(packagesIn("package-lock.json"))
    .filter(([path]) => path !== "")
    .every(([path, { version, optional }]) => installed[path]?.version === version || (optional && !installed[path]));
}

/** Whether the pinned Node, put there by a package's install script, runs. */
function hasPinnedNode() {
  return spawnSync(join(root, "node_modules/.bin/node"), ["--version"]).status === 0;
}

if (!isInstalled() || !hasPinnedNode()) {
  console.error("setup: installing the project's packages (npm ci), once");
  // npm runs its scripts with the Node it runs on itself, which npm ci may not delete from under it.
  const npm = process.env.npm_execpath;
  // Warnings that this machine's own Node is too old for the packages are of no use: they bring the Node they run on.
  const ci = ["ci", "--loglevel=error"];
  const [command, args] = npm ? [process.env.npm_node_execpath ?? process.execPath, [npm, ...ci]] : ["npm", ci];
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) fail(`npm could not be started: ${error.message}`);
  if (status !== 0) fail("npm ci failed, see above. It needs the npm registry; run the command again once it answers.");
  if (!hasPinnedNode()) {
    fail("the pinned Node (package `node`) does not run: were install scripts off? Try npm ci --ignore-scripts=false");
  }
}
