import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shellWord } from "../../model/shell-word.ts";
import { cacheDirectory, makeOnce } from "../cache.ts";
import { downloadsReachable } from "../downloads.ts";
import type { Engine } from "../engine/engine.ts";
import { linkedCopy } from "../linked-copy.ts";
import { run } from "../process.ts";

/** The official resource plugins the stack uses; sandbox/plugins has a stand-in of each. */
const PLUGINS = ["random", "postgresql", "docker"] as const;
type PluginName = (typeof PLUGINS)[number];

/** Whether a plugin is Pulumi's own or the sandbox's. */
export type PluginKind = "official" | "standin";

const require = createRequire(import.meta.url);

/**
 * Puts the plugins into a private PULUMI_HOME, where the engine finds them without a change to Pulumi.yaml: for each the
 * official binary of the version that the installed SDK names, from the user's own plugins or by download, else the
 * stand-in. `SANDBOX_PLUGINS=official` or `standin` leaves no choice.
 *
 * @throws when `SANDBOX_PLUGINS=official` and a binary is neither installed nor downloadable
 */
export async function placePlugins(
  home: string,
  engine: Engine,
  env: NodeJS.ProcessEnv,
): Promise<Record<PluginName, PluginKind>> {
  const wanted = env.SANDBOX_PLUGINS;
  if (wanted !== undefined && wanted !== "official" && wanted !== "standin") {
    throw new Error(`SANDBOX_PLUGINS is "${wanted}": it takes official or standin`);
  }
  if (!engine.hasLanguageHost) {
    const folder = join(home, "plugins", `language-nodejs-v${engine.version}`);
    await placeScript(folder, "pulumi-language-nodejs", "../language-nodejs/main.ts");
  }
  const place = async (name: PluginName): Promise<[PluginName, PluginKind]> => {
    const { version } = require(`@pulumi/${name}/package.json`) as { version: string };
    const folder = join(home, "plugins", `resource-${name}-v${version}`);
    const official = wanted === "standin" ? undefined : await officialPlugin(name, version, engine, env);
    if (official) {
      // The engine passes over a symbolic link to a folder.
      await linkedCopy(official, folder);
      return [name, "official"];
    }
    if (wanted === "official") {
      throw new Error(
        `SANDBOX_PLUGINS=official, but the plugin ${name} ${version} is neither installed nor downloadable. ` +
          `Where Pulumi's downloads can be reached: pulumi plugin install resource ${name} ${version}`,
      );
    }
    await placeScript(folder, `pulumi-resource-${name}`, `../plugins/${name}/main.ts`);
    return [name, "standin"];
  };
  return Object.fromEntries(await Promise.all(PLUGINS.map(place))) as Record<PluginName, PluginKind>;
}

/** The folder of the official binary, where there is one. */
async function officialPlugin(
  name: PluginName,
  version: string,
  engine: Engine,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const folder = join("plugins", `resource-${name}-v${version}`);
  const users = join(env.PULUMI_HOME ?? join(homedir(), ".pulumi"), folder);
  // The engine's own sign of a plugin whose installation was cut off.
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
    process.stderr.write(`plugins: the stand-in of ${name} is used: ${(error as Error).message}\n`);
    return undefined;
  }
  return join(cached, folder);
}

/** Whether plugins can be downloaded: from Pulumi's site, or from the server that the user's engine is pointed at. */
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

/** An executable that runs a TypeScript file of the sandbox with the Node that runs this. */
async function placeScript(folder: string, name: string, file: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [node, main] = [process.execPath, fileURLToPath(new URL(file, import.meta.url))].map(shellWord);
  await writeFile(join(folder, name), `#!/bin/sh\nexec ${node} ${main} "$@"\n`);
  await chmod(join(folder, name), 0o755);
}
