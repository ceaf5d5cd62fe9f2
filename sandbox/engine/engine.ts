import { existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { gte, parse, type SemVer } from "semver";
import { cacheDirectory, makeOnce } from "../cache.ts";
import { run } from "../process.ts";
import { build, type Tell } from "./build.ts";

/** A Pulumi CLI that runs on this machine. */
export interface Engine {
  /** The folder of `pulumi`, for the PATH. */
  bin: string;
  /** For example `3.259.0`. */
  version: string;
  /** Whether Pulumi's own Node language host is next to the engine or on the PATH, where the engine looks for it. */
  hasLanguageHost: boolean;
}

const tellOnStderr: Tell = (line) => {
  process.stderr.write(`engine: ${line}\n`);
};

/**
 * Finds a Pulumi CLI: the one on the PATH if it is recent enough, else the one in the cache. If the cache has none, runs the
 * official installer, or builds the CLI from its Go module, which takes minutes.
 *
 * @throws with the software to install if none of these is possible
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
        `No Pulumi engine found: pulumi >= ${MINIMUM_VERSION} is not on the PATH, the official installer cannot be ` +
          "reached, and Go is not installed.\nInstall Pulumi (https://www.pulumi.com/docs/install/) or Go 1.26 " +
          "(https://go.dev/doc/install), then run this command again.",
      );
    },
    () => tell("waiting for another process that is installing Pulumi"),
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
  tell(`the pulumi in ${folder} ${found}; the sandbox needs ${MINIMUM_VERSION} or later, so it uses another one`);
  return undefined;
}

function engineIn(bin: string, version: string, env: NodeJS.ProcessEnv): Engine {
  const nextToEngine = join(dirname(realpathSync(join(bin, "pulumi"))), "pulumi-language-nodejs");
  const hasLanguageHost = existsSync(nextToEngine) || folderOnPath("pulumi-language-nodejs", env) !== undefined;
  return { bin, version, hasLanguageHost };
}

function folderOnPath(command: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? "").split(delimiter).find((folder) => folder !== "" && existsSync(join(folder, command)));
}

/**
 * The oldest Pulumi CLI on the PATH that the sandbox uses. The project needs resource hooks, error hooks,
 * `destroy --run-program` and `refresh: always`, and is not tested with earlier versions.
 */
export const MINIMUM_VERSION = "3.220.0";

/** The version in go.mod, which the sandbox installs or builds if the PATH has none. */
export function pinnedVersion(): SemVer {
  const goMod = readFileSync(new URL("go.mod", import.meta.url), "utf8");
  const found = parse(/pulumi\/pkg\/v3 v(\S+)/.exec(goMod)?.[1]);
  if (!found) throw new Error("sandbox/engine/go.mod has no version of github.com/pulumi/pulumi/pkg/v3");
  return found;
}

/** Parses the output of `pulumi version`, such as `v3.259.0`. Returns undefined if the version is too old. */
export function recentEnough(printed: string): SemVer | undefined {
  const version = parse(printed.trim());
  return version && gte(version, MINIMUM_VERSION) ? version : undefined;
}

/** Installs the CLI into `root` with Pulumi's installer. Returns false if the installer cannot be reached or fails. */
export async function install(root: string, version: SemVer, tell: Tell): Promise<boolean> {
  if (!(await downloadsReachable())) return false;
  tell(`installing Pulumi ${version}`);
  // Imported here, since loading it takes half a second and most runs do not need it.
  const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
  try {
    await PulumiCommand.install({ root, version });
    return true;
  } catch (error) {
    tell(`the official installer failed, so the sandbox builds the engine: ${String(error)}`);
    return false;
  }
}

/** The site of Pulumi's installer and plugins. */
const DOWNLOADS = "https://get.pulumi.com/";

let reachable: Promise<boolean> | undefined;

/** Whether Pulumi's download site responds within five seconds. Each process checks only once. */
export function downloadsReachable(): Promise<boolean> {
  reachable ??= fetch(DOWNLOADS, { method: "HEAD", signal: AbortSignal.timeout(5_000) }).then(
    (response) => response.status < 500,
    () => false,
  );
  return reachable;
}
