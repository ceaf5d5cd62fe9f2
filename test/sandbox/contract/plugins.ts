import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/**
 * The command of the plugin under test: the one that `SANDBOX_PLUGINS` selects (`official` or `standin`), else the official
 * one if installed, else the stand-in.
 *
 * @throws if `SANDBOX_PLUGINS=official` and the official one is not installed
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
