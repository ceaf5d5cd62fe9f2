import { readFileSync } from "node:fs";
import { gte, parse, type SemVer } from "semver";

/**
 * The oldest Pulumi CLI the sandbox takes from the PATH. The SDK pinned in package.json asks its engine for resource and
 * error hooks, and the project needs `destroy --run-program` and `refresh: always`; a release before this one lacks one
 * or the other, or was never tried with it.
 */
export const MINIMUM_VERSION = "3.220.0";

/** The version that is installed or built when there is none on the PATH: the one go.mod names. */
export function pinnedVersion(): SemVer {
  const goMod = readFileSync(new URL("go.mod", import.meta.url), "utf8");
  const found = parse(/pulumi\/pkg\/v3 v(\S+)/.exec(goMod)?.[1]);
  if (!found) throw new Error("sandbox/engine/go.mod names no version of github.com/pulumi/pulumi/pkg/v3");
  return found;
}

/** The version that `pulumi version` printed, such as `v3.259.0`, when it is recent enough; else undefined. */
export function recentEnough(printed: string): SemVer | undefined {
  const version = parse(printed.trim());
  return version && gte(version, MINIMUM_VERSION) ? version : undefined;
}
