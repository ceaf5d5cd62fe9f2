import { existsSync } from "node:fs";
import { copyFile, link, mkdir, readdir, realpath, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shellWord } from "../../model/shell-word.ts";
import { cacheDirectory, makeOnce } from "../cache.ts";
import { downloadsReachable, type Engine } from "../engine/engine.ts";
import { hostedCommand } from "../plugin-host/start.ts";
import { run } from "../process.ts";

/** The official resource plugins that the stack uses. sandbox/plugins contains a stand-in for each. */
const PLUGINS = ["random", "postgresql", "docker"] as const;
type PluginName = (typeof PLUGINS)[number];

export type PluginKind = "official" | "standin";

const require = createRequire(import.meta.url);

/**
 * Copies the plugins into a private PULUMI_HOME, where the engine finds them without a change to Pulumi.yaml. Each is the
 * official binary in the version of the installed SDK, from the user's own plugins or downloaded, else the stand-in.
 * `SANDBOX_PLUGINS=official` or `standin` forces one of them.
 *
 * @throws if `SANDBOX_PLUGINS=official` and a binary is neither installed nor downloadable
 */
export async function placePlugins(
  home: string,
  engine: Engine,
  env: NodeJS.ProcessEnv,
): Promise<Record<PluginName, PluginKind>> {
  const wanted = env.SANDBOX_PLUGINS;
  if (wanted !== undefined && wanted !== "official" && wanted !== "standin") {
    throw new Error(`SANDBOX_PLUGINS is "${wanted}": set it to official or standin`);
  }
  if (!engine.hasLanguageHost) {
    const folder = join(home, "plugins", `language-nodejs-v${engine.version}`);
    await placeScript(folder, "pulumi-language-nodejs", "nodejs", "../language-nodejs/main.ts");
  }
  const place = async (name: PluginName): Promise<[PluginName, PluginKind]> => {
    const { version } = require(`@pulumi/${name}/package.json`) as { version: string };
    const folder = join(home, "plugins", `resource-${name}-v${version}`);
    const official = wanted === "standin" ? undefined : await officialPlugin(name, version, engine, env);
    if (official) {
      // The engine ignores a symbolic link to a folder.
      await linkedCopy(official, folder);
      return [name, "official"];
    }
    if (wanted === "official") {
      throw new Error(
        `SANDBOX_PLUGINS=official, but the plugin ${name} ${version} is neither installed nor downloadable. ` +
          `Install it: pulumi plugin install resource ${name} ${version}`,
      );
    }
    await placeScript(folder, `pulumi-resource-${name}`, name, `../plugins/${name}/main.ts`);
    return [name, "standin"];
  };
  return Object.fromEntries(await Promise.all(PLUGINS.map(place))) as Record<PluginName, PluginKind>;
}

/** The folder of the official binary, or undefined if it is neither installed nor downloadable. */
async function officialPlugin(
  name: PluginName,
  version: string,
  engine: Engine,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const folder = join("plugins", `resource-${name}-v${version}`);
  const users = join(env.PULUMI_HOME ?? join(homedir(), ".pulumi"), folder);
  // The engine marks an interrupted installation with a .partial file.
  if (existsSync(users) && !existsSync(`${users}.partial`)) return users;

  const cached = join(cacheDirectory(env), "official", `${name}-v${version}`);
  if (!existsSync(cached) && !(await pluginsReachable(env))) return undefined;
  try {
    await makeOnce(
      cached,
      (partial) => download(name, version, partial, engine, env),
      () => undefined,
    );
  } catch (error) {
    if (env.SANDBOX_PLUGINS === "official") throw error;
    process.stderr.write(`plugins: the sandbox uses the stand-in of ${name}: ${(error as Error).message}\n`);
    return undefined;
  }
  return join(cached, folder);
}

/** Whether Pulumi's site, or the server in the user's environment, is available for downloads. */
async function pluginsReachable(env: NodeJS.ProcessEnv): Promise<boolean> {
  return Boolean(env.PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES) || (await downloadsReachable());
}

async function download(
  name: PluginName,
  version: string,
  home: string,
  engine: Engine,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { code, stderr } = await run(
    join(engine.bin, "pulumi"),
    ["plugin", "install", "resource", name, version, "--non-interactive"],
    { env: { ...env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" } },
  );
  if (code !== 0)
    throw new Error(`pulumi plugin install resource ${name} ${version} failed: ${stderr.trim().split("\n").at(-1)}`);
}

/**
 * Makes `folder` a copy of the project's provider/ whose plugin runs in the plugin host, which saves half a second of CPU time per
 * command. Returns false, and makes nothing, if there is no plugin host.
 */
export async function hostOwnPlugin(source: string, folder: string): Promise<boolean> {
  const name = "pulumi-resource-pgaccess";
  const command = hostedCommand("pgaccess", [join(source, name)]);
  if (command.length === 1) return false;
  await mkdir(folder);
  for (const entry of await readdir(source)) {
    if (entry !== name) await symlink(join(source, entry), join(folder, entry));
  }
  await writeScript(join(folder, name), command);
  return true;
}

/** Writes an executable that runs a TypeScript file of the sandbox with this process's Node, or in the plugin host. */
async function placeScript(folder: string, file: string, name: string, main: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const command = hostedCommand(name, [process.execPath, fileURLToPath(new URL(main, import.meta.url))]);
  await writeScript(join(folder, file), command);
}

async function writeScript(path: string, command: string[]): Promise<void> {
  await writeFile(path, `#!/bin/sh\nexec ${command.map(shellWord).join(" ")} "$@"\n`, { mode: 0o700 });
}

/** Copies a folder, with hard links if the file system allows them. Follows symbolic links. */
async function linkedCopy(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from)) {
    const source = await realpath(join(from, entry));
    const target = join(to, entry);
    if ((await stat(source)).isDirectory()) await linkedCopy(source, target);
    // A hard link fails across file systems and for another user's file.
    else await link(source, target).catch(() => copyFile(source, target));
  }
}
