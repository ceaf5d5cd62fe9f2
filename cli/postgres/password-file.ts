import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** What a line of the password file must match. */
export interface Login {
  host: string;
  port: number;
  database: string;
  user: string;
}

/** Socket folders for which libpq also looks for `localhost`: its own default and Debian's. */
const defaultSockets = ["/tmp", "/var/run/postgresql", "/run/postgresql"];

/** The password that libpq would find in PGPASSFILE, else in ~/.pgpass. Like libpq, ignores a file that others can read. */
export function passwordFromFile(login: Login, env: NodeJS.ProcessEnv): string | undefined {
  const file = env.PGPASSFILE || defaultFile(env);
  const stat = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  if (file === undefined || !stat?.isFile()) return undefined;
  if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
    console.error(`${file} is ignored, since others can read it: chmod 600 ${file}`);
    return undefined;
  }
  return passwordIn(readFileSync(file, "utf8"), login);
}

function defaultFile({ APPDATA, HOME }: NodeJS.ProcessEnv): string | undefined {
  if (process.platform === "win32") return APPDATA && join(APPDATA, "postgresql", "pgpass.conf");
  return HOME && join(HOME, ".pgpass");
}

/** The password of the first line `host:port:database:user:password` that matches; `*` matches all, `\` escapes `:` and `\`. */
export function passwordIn(text: string, { host, port, database, user }: Login): string | undefined {
  const hosts = defaultSockets.includes(host) ? [host, "localhost"] : [host];
  const wanted = [hosts, [String(port)], [database], [user]];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = line.match(/(?:[^:\\]|\\.?)+|(?<=:|^)(?=:|$)/g) ?? [];
    const isMatch = wanted.every((values, i) => {
      const field = fields[i];
      return field === "*" || (field !== undefined && values.includes(unescaped(field)));
    });
    const password = fields[wanted.length];
    if (isMatch && password !== undefined) return unescaped(password);
  }
  return undefined;
}

function unescaped(field: string): string {
  return field.replace(/\\(.)/g, "$1");
}
