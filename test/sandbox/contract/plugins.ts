import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/**
 * How to start the plugin under test. `SANDBOX_PLUGINS=official` or `standin` says which; without it, the official one
 * where it is installed, else the stand-in.
 *
 * @throws when the official one is asked for and is not installed
 */
export function pluginCommand(name: string, env: NodeJS.ProcessEnv = process.env): string[] {
  const which = env.SANDBOX_PLUGINS;
  if (which !== undefined && which !== "official" && which !== "standin") {
    throw new Error(`SANDBOX_PLUGINS must be official or standin, not ${which}`);
  }
  const standIn = [process.execPath, join(import.meta.dirname, "../../../sandbox/plugins", name, "main.ts")];
  if (which === "standin") return standIn;
  const official = installed(name, env);
  if (official) return [official];
  if (which === "official") {
    throw new Error(
      `SANDBOX_PLUGINS=official, but the official plugin ${name} is not installed: run \`pulumi plugin install resource ${name}\``,
    );
  }
  return standIn;
}

function installed(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const plugins = join(env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins");
  const versions = existsSync(plugins)
    ? readdirSync(plugins).filter((dir) => dir.startsWith(`resource-${name}-v`))
    : [];
  const folders = [
    ...versions.sort((a, b) => b.localeCompare(a, "en", { numeric: true })).map((version) => join(plugins, version)),
    ...(env.PATH ?? "").split(delimiter),
  ];
  return folders.map((folder) => join(folder, `pulumi-resource-${name}`)).find((file) => existsSync(file));
}
