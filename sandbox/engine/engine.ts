import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { cacheDirectory, makeOnce } from "../cache.ts";
import { run } from "../process.ts";
import { build } from "./build.ts";
import { install } from "./install.ts";
import type { Tell } from "./tell.ts";
import { MINIMUM_VERSION, pinnedVersion, recentEnough } from "./version.ts";

/** A Pulumi CLI that runs on this machine. */
export interface Engine {
  /** The folder that holds `pulumi`, to be put on the PATH. */
  bin: string;
  /** Such as `3.259.0`. */
  version: string;
  /** Whether Pulumi's own Node language host is there: beside the engine or on the PATH, where the engine looks for it. */
  hasLanguageHost: boolean;
}

const tellOnStderr: Tell = (line) => {
  process.stderr.write(`engine: ${line}\n`);
};

/**
 * Finds a Pulumi CLI, or makes one, once per user and version: the one on the PATH if it is recent enough; else the one
 * of an earlier run; else by the official installer; else built from its Go module, which takes minutes.
 *
 * @throws naming what to install when none of these is possible
 */
export async function findEngine(env: NodeJS.ProcessEnv = process.env, tell: Tell = tellOnStderr): Promise<Engine> {
  const ambient = await onPath(env, tell);
  if (ambient) return ambient;

  const version = pinnedVersion();
  const home = join(cacheDirectory(env), "engine", `v${version}-${process.platform}-${process.arch}`);
  await makeOnce(
    home,
    async (partial) => {
      if (await install(partial, version, tell)) return;
      if (await build(partial, version, env, tell)) return;
      throw new Error(
        `No Pulumi engine: there is no pulumi >= ${MINIMUM_VERSION} on the PATH, the official installer cannot be ` +
          "reached, and there is no Go to build it with.\nInstall one of them and run this again: Pulumi " +
          "(https://www.pulumi.com/docs/install/) or Go 1.26 (https://go.dev/doc/install).",
      );
    },
    () => tell("waiting for another process that is setting it up"),
  );
  return engineIn(join(home, "bin"), version.version, env);
}

async function onPath(env: NodeJS.ProcessEnv, tell: Tell): Promise<Engine | undefined> {
  const folder = folderOnPath("pulumi", env);
  if (!folder) return undefined;
  const { code, stdout, stderr } = await run(join(folder, "pulumi"), ["version"], {
    env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  const version = code === 0 ? recentEnough(stdout) : undefined;
  if (version) return engineIn(folder, version.version, env);
  const found = code === 0 ? `is ${stdout.trim()}` : `does not run (${stderr.trim()})`;
  tell(`the pulumi in ${folder} ${found}; ${MINIMUM_VERSION} or later is needed, so another one is used`);
  return undefined;
}

function engineIn(bin: string, version: string, env: NodeJS.ProcessEnv): Engine {
  const beside = join(dirname(realpathSync(join(bin, "pulumi"))), "pulumi-language-nodejs");
  const hasLanguageHost = existsSync(beside) || folderOnPath("pulumi-language-nodejs", env) !== undefined;
  return { bin, version, hasLanguageHost };
}

function folderOnPath(command: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? "").split(delimiter).find((folder) => folder !== "" && existsSync(join(folder, command)));
}
