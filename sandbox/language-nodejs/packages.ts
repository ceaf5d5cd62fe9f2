import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The relevant keys of a package.json. `pulumi`: https://www.pulumi.com/docs/iac/guides/building-extending/packages/ */
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

/** A resource plugin that an installed package requires. */
export interface RequiredPlugin {
  name: string;
  version: string;
  /** The download server, or empty for Pulumi's own. */
  server: string;
}

/** The resource plugins that a program's direct and transitive dependencies require. */
export function requiredPlugins(directory: string): RequiredPlugin[] {
  return allPackages(directory)
    .filter(({ pulumi }) => pulumi?.resource)
    .map(({ name, version, pulumi }) => ({
      name: pulumi?.name ?? name.replace(/^@pulumi\//, ""),
      version: `v${(pulumi?.version ?? version).replace(/^v/, "")}`,
      server: pulumi?.server ?? "",
    }));
}

/** The installed direct dependencies of a program, or also its transitive ones. */
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

/** The folder of a package as Node resolves it: in `directory`/node_modules or in that of a parent folder. */
function packageFolder(directory: string, name: string): string | undefined {
  const folder = join(directory, "node_modules", name);
  if (existsSync(folder)) return folder;
  return dirname(directory) === directory ? undefined : packageFolder(dirname(directory), name);
}

function manifestIn(directory: string): Manifest | undefined {
  const file = join(directory, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Manifest) : undefined;
}
