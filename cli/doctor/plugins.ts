import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import type { Runtime } from "../../model/runtime.ts";
import { pulumi } from "../pulumi/pulumi.ts";
import { type Finding, ok, wrong } from "./finding.ts";
import { shellPath } from "./node.ts";

/** Milliseconds that our plugin is given to start. */
const patience = 30_000;

/** The official plugins in the versions that the program asks for, and our own. */
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
    const next = "run npm ci in the folder of Pulumi.yaml, and this there too";
    return wrong("plugins", code === "MODULE_NOT_FOUND" ? "the project's packages are not installed" : message, next);
  }
}

function labelOf({ name, version = "" }: { name: string; version?: string }): string {
  return `${name} ${version.replace(/^v/, "")}`;
}

/** Started as the engine does, and ended once it serves. */
async function ownPlugin(): Promise<Finding> {
  try {
    const project = parse(await readFile("Pulumi.yaml", "utf8")) as {
      plugins?: { providers?: { name: string; path: string }[] };
    };
    const path = project.plugins?.providers?.find(({ name }) => name === "pgaccess")?.path;
    if (path === undefined) {
      const next = "add it to Pulumi.yaml under plugins.providers, as the Pulumi.yaml of app-roles has it";
      return wrong("pgaccess", "Pulumi.yaml does not name it", next);
    }
    await start(join(path, "pulumi-resource-pgaccess"));
    return ok("pgaccess", `starts (${path})`);
  } catch (error) {
    const next = "run npm ci, with the Node that runs pulumi, in the folder of Pulumi.yaml, and this there too";
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
