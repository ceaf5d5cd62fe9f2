import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const script = fileURLToPath(new URL("plugin.sh", import.meta.url));

/** The variable with the port and the token of the plugin host that sandboxes of this process and its children use. */
const VARIABLE = "SANDBOX_PLUGIN_HOST";

/**
 * Starts a plugin host (see main.ts) for all sandboxes of this process and its children, if the machine has what it needs: the
 * /proc of Linux, and bash. Otherwise each plugin is a process of its own. The host ends with this process or `stop`.
 */
export async function startPluginHost(): Promise<{ stop(): Promise<void> }> {
  if (process.platform !== "linux" || !existsSync("/bin/bash")) return { stop: async () => undefined };
  const token = randomBytes(16).toString("hex");
  const { DOCKER_HOST: _, ...env } = process.env;
  const host = spawn(process.execPath, [main], {
    env: { ...env, SANDBOX_PLUGIN_HOST_TOKEN: token },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(host, "exit");
  const [port] = (await Promise.race([
    once(host.stdout, "data"),
    ended.then(() => Promise.reject(new Error("the plugin host ended before it was ready"))),
  ])) as [Buffer];
  process.env[VARIABLE] = `${port.toString().trim()} ${token}`;
  host.unref();
  return {
    async stop() {
      delete process.env[VARIABLE];
      host.ref();
      host.stdin.end();
      await ended;
    },
  };
}

/** The words of a command that runs a plugin in the plugin host, if there is one; else `command`. */
export function hostedCommand(name: string, command: string[], env: NodeJS.ProcessEnv = process.env): string[] {
  const host = env[VARIABLE];
  return host === undefined ? command : ["bash", script, ...host.split(" "), name, ...command];
}
