import type { SemVer } from "semver";
import { downloadsReachable } from "../downloads.ts";
import type { Tell } from "./tell.ts";

/** Installs the CLI into `root` by Pulumi's own installer. False, and without a word, when that cannot be reached. */
export async function install(root: string, version: SemVer, tell: Tell): Promise<boolean> {
  if (!(await downloadsReachable())) return false;
  tell(`installing Pulumi ${version}`);
  // Imported only here: it takes half a second to load and is needed once per machine.
  const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
  try {
    await PulumiCommand.install({ root, version });
    return true;
  } catch (error) {
    tell(`the official installer failed, so the engine is built instead: ${String(error)}`);
    return false;
  }
}
