import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What is read of a package.json; https://www.pulumi.com/docs/iac/guides/building-extending/packages/ for `pulumi`. */
interface Manifest {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

/** An installed package. */
interface Installed {
  name: string;
  version: string;
}

/** A resource plugin that an installed package says it needs. */
export interface RequiredPlugin {
  name: string;
  version: string;
  /** Where to download it from when that is not Pulumi's own place. */
  server: string;
}

/** The resource plugins needed by the packages a program depends on, directly or not. */
export function requiredPlugins(directory: string): RequiredPlugin[] {
  return allPackages(directory)
    .filter(({ pulumi }) => pulumi?.resource)
    .map(({ name, version, pulumi }) => ({
      name: pulumi?.name ?? name.replace(/^@pulumi\//, ""),
      version: `v${(pulumi?.version ?? version).replace(/^v/, "")}`,
      server: pulumi?.server ?? "",
    }));
}

/** The packages a program names as its dependencies, or also theirs. */
export function dependencies(directory: string, transitive: boolean): Installed[] {
  const found = transitive ? allPackages(directory) : directPackages(directory, programManifest(directory));
  return found.map(({ name, version }) => ({ name, version }));
}

function programManifest(directory: string): Manifest {
  return manifestIn(directory) ?? { name: "", version: "" };
}

function allPackages(directory: string): Manifest[] {
  const found = new Map<string, Manifest>();
  const visit = (from: string, manifest: Manifest): void => {
    for (const each of directPackages(from, manifest)) {
      if (found.has(each.folder)) continue;
      found.set(each.folder, each);
      visit(each.folder, { ...each, devDependencies: {} });
    }
  };
  visit(directory, programManifest(directory));
  return [...found.values()];
}

function directPackages(directory: string, manifest: Manifest): (Manifest & { folder: string })[] {
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  return names.flatMap((name) => {
    const folder = packageFolder(directory, name);
    const found = folder ? manifestIn(folder) : undefined;
    // Optional packages for other platforms are not installed.
    return folder && found ? [{ ...found, folder }] : [];
  });
}

/** Where Node finds a package from `directory`: in its node_modules or in one further up. */
function packageFolder(directory: string, name: string): string | undefined {
  const folder = join(directory, "node_modules", name);
  if (existsSync(folder)) return folder;
  return dirname(directory) === directory ? undefined : packageFolder(dirname(directory), name);
}

function manifestIn(directory: string): Manifest | undefined {
  const file = join(directory, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Manifest) : undefined;
}
