import { readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { pulumi } from "../pulumi/pulumi.ts";
import { exportState } from "../pulumi/state.ts";
import { type Finding, ok, unknown, wrong } from "./finding.ts";
import { integrityProblems } from "./integrity.ts";

/** The backend, the holder of its lock on the stack, and operations that a killed up left in the state. */
export async function state(stack: string): Promise<Finding[]> {
  const url = await backendUrl().catch((error: Error) => error);
  if (url instanceof Error) {
    const next = "log in to the backend: pulumi login, or pulumi login --local";
    return [wrong("backend", url.message, next), unknown("lock", "no backend"), unknown("state", "no backend")];
  }
  return [ok("backend", url), await lock(url, stack), await pending(stack)];
}

async function backendUrl(): Promise<string> {
  const text = await pulumi("name its backend", ["whoami", "--json", "--non-interactive"]);
  // The URL of an object store can hold credentials in its query.
  return (JSON.parse(text) as { url: string }).url.replace(/\?.*/, "").replace(/\/\/[^/@]*@/, "//");
}

async function lock(url: string, stack: string): Promise<Finding> {
  try {
    if (!url.startsWith("file://")) return await lockElsewhere(stack);
    const holders = await lockFiles(url, stack);
    if (holders.length === 0) return ok("lock", "free");
    const found = `held by ${holders.map(({ username, hostname, pid, timestamp }) => `${username}@${hostname}, process ${pid}, since ${timestamp}`).join("; ")}`;
    return holders.some(isAlive)
      ? wrong("lock", found, "an up is running: wait for it")
      : wrong("lock", found, "check that machine for the process; if it is gone: pulumi cancel, then pulumi up");
  } catch (error) {
    return unknown("lock", (error as Error).message);
  }
}

/** A lock of Pulumi's file backend. */
interface Lock {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

async function lockFiles(url: string, stack: string): Promise<Lock[]> {
  const project = parse(await readFile("Pulumi.yaml", "utf8")) as { name: string };
  const root = fileURLToPath(url.replace(/^file:\/\/~/, `file://${process.env.HOME ?? ""}`));
  const folder = join(root, ".pulumi", "locks", "organization", project.name, stack);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const texts = names.filter((name) => name.endsWith(".json")).map((name) => readFile(join(folder, name), "utf8"));
  return (await Promise.all(texts)).map((text) => JSON.parse(text) as Lock);
}

/** Only a process of this machine can be checked. */
function isAlive(holder: Lock): boolean {
  if (holder.hostname !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Pulumi Cloud reports a running update; an object store reports a lock only when an up begins. */
async function lockElsewhere(stack: string): Promise<Finding> {
  const stacks = JSON.parse(await pulumi("list the stacks", ["stack", "ls", "--json", "--non-interactive"])) as {
    name: string;
    updateInProgress?: boolean;
  }[];
  const running = stacks.find(({ name }) => name === stack || name.endsWith(`/${stack}`))?.updateInProgress;
  if (running === undefined) return unknown("lock", "this backend reports it only when an up begins");
  if (!running) return ok("lock", "free");
  return wrong("lock", "an update is in progress", "wait for it; if none is running: pulumi cancel, then pulumi up");
}

async function pending(stack: string): Promise<Finding> {
  try {
    const { resources = [], pending_operations: operations = [] } = await exportState(stack);
    if (resources.length === 0) return ok("state", "empty: no up has completed yet");
    const problems = integrityProblems(resources);
    if (problems.length > 0) {
      const broken = `Pulumi refuses it (snapshot integrity failure)\n${problems.join("\n")}`;
      return wrong(
        "state",
        broken,
        "pulumi state repair, then pulumi preview; keep a copy first: pulumi stack export --file FILE",
      );
    }
    if (operations.length === 0) return ok("state", `${resources.length} resources`);
    const names = operations.map(({ type, resource }) => `${type} ${resource.urn}`);
    const found = `a killed up left ${operations.length === 1 ? "1 operation" : `${operations.length} operations`} open\n${names.join("\n")}`;
    return wrong("state", found, "run pulumi up, which queries the server for what was done and continues");
  } catch (error) {
    const next = "check that the stack exists (pulumi stack ls) and that its state can be read";
    return wrong("state", (error as Error).message, next);
  }
}
