import { execFile } from "node:child_process";
import { delimiter } from "node:path";
import { promisify } from "node:util";
import { nodeProblem, oldestNode } from "../../bin/node-version.js";
import { type Finding, ok, wrong } from "./finding.ts";

/** The Node that Pulumi will run: not the one that npx puts first for what it starts itself. */
export async function node(): Promise<Finding> {
  const next = `install Node ${oldestNode.join(".")} or later, and put it first on the PATH of the shell that runs pulumi`;
  try {
    const env = { ...process.env, PATH: shellPath(process.env) };
    const found = (await promisify(execFile)("node", ["--version"], { env })).stdout.trim();
    return nodeProblem(found) === undefined
      ? ok("Node", found)
      : wrong("Node", `${found}, which pulumi would run`, next);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const found = isMissing ? "there is no node on the PATH, which pulumi runs" : (error as Error).message;
    return wrong("Node", found, next);
  }
}

/** The PATH of the shell: npx puts folders before it, the last of which is its own node-gyp-bin. */
export function shellPath(env: NodeJS.ProcessEnv): string {
  const folders = (env.PATH ?? "").split(delimiter);
  if (env.npm_command !== "exec") return folders.join(delimiter);
  return folders.slice(folders.findIndex((folder) => folder.endsWith("node-gyp-bin")) + 1).join(delimiter);
}
