import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { nodeProblem, oldestNode } from "../../bin/node-version.js";
import type { Runtime } from "../../model/runtime.ts";
import { pulumi } from "../pulumi/pulumi.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/** The oldest tested version of the CLI (README). */
const oldestEngine = [3, 220];

export async function engine(): Promise<Finding[]> {
  return [await node(), await pulumiCli()];
}

async function pulumiCli(): Promise<Finding> {
  try {
    const found = (await pulumi("print its version", ["version"])).trim();
    return isAtLeast(found, oldestEngine)
      ? ok("engine", `pulumi ${found}`)
      : wrong(
          "engine",
          `pulumi ${found}`,
          `install pulumi ${oldestEngine.join(".")} or later: https://www.pulumi.com/docs/install/`,
        );
  } catch (error) {
    return wrong("engine", (error as Error).message, "install pulumi: https://www.pulumi.com/docs/install/");
  }
}

function isAtLeast(version: string, [major = 0, minor = 0]: number[]): boolean {
  const [, has = "0", hasMinor = "0"] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(has) > major || (Number(has) === major && Number(hasMinor) >= minor);
}

/** The Node that Pulumi runs: not the one that npx puts first on the PATH of its children. */
async function node(): Promise<Finding> {
  const next = `install Node ${oldestNode.join(".")} or later, and put it first on the PATH of the shell that runs pulumi`;
  try {
    const env = { ...process.env, PATH: shellPath(process.env) };
    const found = (await promisify(execFile)("node", ["--version"], { env })).stdout.trim();
    return nodeProblem(found) === undefined
      ? ok("Node", found)
      : wrong("Node", `${found}, which pulumi would run`, next);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const found = isMissing ? "pulumi runs node, which is not on the PATH" : (error as Error).message;
    return wrong("Node", found, next);
  }
}

/** The PATH of the shell: npx prepends folders, the last of which is its own node-gyp-bin. */
export function shellPath(env: NodeJS.ProcessEnv): string {
  const folders = (env.PATH ?? "").split(delimiter);
  if (env.npm_command !== "exec") return folders.join(delimiter);
  return folders.slice(folders.findIndex((folder) => folder.endsWith("node-gyp-bin")) + 1).join(delimiter);
}

/** Milliseconds in which our plugin must start. */
const patience = 30_000;

/** The official plugins in the versions that the program requires, and our own. */
export async function plugins(runtimes: Runtime[]): Promise<Finding[]> {
  const needsDocker = runtimes.some((runtime) => runtime === "container" || runtime === "swarm");
  const official = ["random", "postgresql", ...(needsDocker ? ["docker"] : [])];
  return [await officialPlugins(official), await ownPlugin()];
}

async function officialPlugins(names: string[]): Promise<Finding> {
  try {
    const text = await pulumi("list the plugins", ["plugin", "ls", "--json"]);
    const installed = new Set((JSON.parse(text) as { name: string; version?: string }[]).map(labelOf));
    const require = createRequire(resolve("index.js"));
    const wanted = names.map((name) => {
      const { version } = require(`@pulumi/${name}/package.json`) as { version: string };
      return { name, version };
    });
    const missing = wanted.filter((each) => !installed.has(labelOf(each)));
    if (missing.length === 0) return ok("plugins", wanted.map(labelOf).join(", "));
    const commands = missing.map(({ name, version }) => `pulumi plugin install resource ${name} ${version}`);
    return wrong("plugins", `not installed: ${missing.map(labelOf).join(", ")}`, commands.join("; "));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const next = "run npm ci in the folder of Pulumi.yaml, and run this command there too";
    return wrong("plugins", code === "MODULE_NOT_FOUND" ? "the project's packages are not installed" : message, next);
  }
}

function labelOf({ name, version = "" }: { name: string; version?: string }): string {
  return `${name} ${version.replace(/^v/, "")}`;
}

/** Starts the plugin as the engine does, and ends it once it serves. */
async function ownPlugin(): Promise<Finding> {
  try {
    const project = parse(await readFile("Pulumi.yaml", "utf8")) as {
      plugins?: { providers?: { name: string; path: string }[] };
    };
    const path = project.plugins?.providers?.find(({ name }) => name === "pgaccess")?.path;
    if (path === undefined) {
      const next = "add it to Pulumi.yaml under plugins.providers, as in the Pulumi.yaml of app-roles";
      return wrong("pgaccess", "Pulumi.yaml does not name it", next);
    }
    await start(join(path, "pulumi-resource-pgaccess"));
    return ok("pgaccess", `starts (${path})`);
  } catch (error) {
    const next =
      "run npm ci with the Node that runs pulumi, in the folder of Pulumi.yaml, and run this command there too";
    return wrong("pgaccess", (error as Error).message, next);
  }
}

function start(executable: string): Promise<void> {
  return new Promise((done, refuse) => {
    const child = spawn(resolve(executable), [], {
      env: { ...process.env, PATH: shellPath(process.env) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    const late = setTimeout(() => child.kill("SIGKILL"), patience);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    // It prints its port once it serves.
    child.stdout.once("data", () => {
      done();
      child.kill("SIGTERM");
    });
    child.once("error", refuse);
    child.once("exit", (code) => {
      clearTimeout(late);
      refuse(new Error(`${executable} does not start (exit code ${code ?? "of a signal"})\n${said.trim()}`));
    });
  });
}
